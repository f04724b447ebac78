// A program of a language with a large run time: what its start costs.
package main

import "fmt"

func main() {
	fmt.Println("hello from a step")
}
