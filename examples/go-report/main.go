// Command go-report reads a CSV file with a header and writes a summary in Markdown: for every column
// how many values it has, and for columns of numbers their least, mean, largest and sum.
//
//	go-report [-by COLUMN] [-o FILE] FILE.csv
//
// With -by the rows are counted, and the numbers summed, for each value of that column. The title is
// REPORT_TITLE from the environment, or the file's name. As a step (no arguments, /work/input.json is
// there) it takes the first input artifact, the options "by" and "title", and gives the output parameter
// "report".
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"time"
)

const folder = "/work"

// request says what to summarise; read from the command line or from a step's input.
type request struct {
	path, title, by string
}

func (r request) run(now time.Time) (string, error) {
	file, err := os.Open(r.path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	table, err := readTable(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", r.path, err)
	}
	return table.report(r.title, r.by, now)
}

func runCommand(arguments []string, now time.Time) error {
	flags := flag.NewFlagSet("go-report", flag.ContinueOnError)
	by := flags.String("by", "", "summarise for each value of this `column`")
	output := flags.String("o", "", "write to this `file` instead of stdout")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("usage: go-report [-by COLUMN] [-o FILE] FILE.csv")
	}
	title := os.Getenv("REPORT_TITLE")
	if title == "" {
		title = path.Base(flags.Arg(0))
	}
	report, err := request{flags.Arg(0), title, *by}.run(now)
	if err != nil {
		return err
	}
	if *output != "" {
		return os.WriteFile(*output, []byte(report), 0o644)
	}
	_, err = io.WriteString(os.Stdout, report)
	return err
}

type pair struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

type artifact struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

type input struct {
	Options   []pair     `json:"plugin_options"`
	Artifacts []artifact `json:"artifacts"`
}

type outputs struct {
	Artifacts  []artifact `json:"artifacts"`
	Parameters []pair     `json:"parameters"`
}

type result struct {
	Phase   string  `json:"phase"`
	Message string  `json:"message"`
	Outputs outputs `json:"outputs"`
}

func readRequest(text []byte, folder string) (request, error) {
	var in input
	if err := json.Unmarshal(text, &in); err != nil {
		return request{}, fmt.Errorf("input.json: %w", err)
	}
	if len(in.Artifacts) == 0 {
		return request{}, fmt.Errorf("an input artifact is missing: the CSV file")
	}
	r := request{path: path.Join(folder, "artifacts-in", in.Artifacts[0].Path), title: in.Artifacts[0].Name}
	for _, option := range in.Options {
		switch option.Name {
		case "by":
			r.by = fmt.Sprint(option.Value)
		case "title":
			r.title = fmt.Sprint(option.Value)
		}
	}
	return r, nil
}

func runStep(folder string, text []byte, now time.Time) error {
	out := result{Phase: "Succeeded", Outputs: outputs{[]artifact{}, []pair{}}}
	r, err := readRequest(text, folder)
	var report string
	if err == nil {
		report, err = r.run(now)
	}
	if err != nil {
		out.Phase, out.Message = "Failed", err.Error()
	} else {
		out.Outputs.Parameters = append(out.Outputs.Parameters, pair{"report", report})
	}
	encoded, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return os.WriteFile(path.Join(folder, "result.json"), encoded, 0o644)
}

func run() error {
	now := time.Now().UTC()
	if len(os.Args) <= 1 {
		if text, err := os.ReadFile(path.Join(folder, "input.json")); err == nil {
			return runStep(folder, text, now)
		}
	}
	return runCommand(os.Args[1:], now)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "go-report:", err)
		os.Exit(1)
	}
}
