// The same steps as files.c and files.rs, by Go's own library and scheduler.
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func show(path string) {
	text, err := os.ReadFile(path)
	check(err)
	fmt.Println("read:", string(text))
}

func reached(path string) string {
	if _, err := os.ReadFile(path); err != nil {
		return "refused"
	}
	return "reached"
}

func main() {
	fmt.Println("args:", strings.Join(os.Args[1:], " "))
	fmt.Println("env:", os.Getenv("COLOUR"))
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Println("stdin:", line)
	if os.WriteFile("/work/new.txt", []byte("hello"), 0o666) != nil {
		fmt.Println("write: refused")
		os.Exit(3)
	}
	file, err := os.OpenFile("/work/new.txt", os.O_APPEND|os.O_WRONLY, 0)
	check(err)
	_, err = file.WriteString(" world")
	check(err)
	check(file.Close())
	show("/work/new.txt")
	check(os.MkdirAll("/work/dir/sub", 0o777))
	check(os.Rename("/work/new.txt", "/work/dir/sub/moved.txt"))
	show("/work/dir/sub/moved.txt")
	entries, err := os.ReadDir("/work/dir")
	check(err)
	for _, entry := range entries {
		fmt.Println("entry:", entry.Name())
	}
	info, err := os.Stat("/work/dir/sub/moved.txt")
	check(err)
	fmt.Println("size:", info.Size())
	start, done := time.Now(), make(chan bool)
	go func() {
		time.Sleep(10 * time.Millisecond)
		done <- true
	}()
	<-done
	fmt.Println("slept:", time.Since(start) >= 10*time.Millisecond)
	random := make([]byte, 8)
	_, err = rand.Read(random)
	fmt.Println("random:", err == nil && string(random) != string(make([]byte, 8)))
	fmt.Println("outside:", reached("/work/../secret"))
	fmt.Println("elsewhere:", reached("/etc/passwd"))
	check(os.RemoveAll("/work/dir"))
	check(os.WriteFile("/work/kept.txt", []byte("kept"), 0o666))
	fmt.Fprintln(os.Stderr, "to stderr")
	os.Exit(7)
}
