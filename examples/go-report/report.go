package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"
)

type table struct {
	header []string
	rows   [][]string
}

func readTable(from io.Reader) (*table, error) {
	rows, err := csv.NewReader(from).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no header line")
	}
	return &table{rows[0], rows[1:]}, nil
}

// summary is of one column: its values, and their figures as long as all are numbers.
type summary struct {
	count            int
	isNumeric        bool
	least, most, sum float64
	distinct         map[string]bool
}

func (t *table) summarise(column int) summary {
	s := summary{isNumeric: true, least: math.Inf(1), most: math.Inf(-1), distinct: map[string]bool{}}
	for _, row := range t.rows {
		text := strings.TrimSpace(row[column])
		if text == "" {
			continue
		}
		s.count++
		s.distinct[text] = true
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			s.isNumeric = false
			continue
		}
		s.sum += value
		s.least = math.Min(s.least, value)
		s.most = math.Max(s.most, value)
	}
	s.isNumeric = s.isNumeric && s.count > 0
	return s
}

func number(value float64) string {
	return strconv.FormatFloat(math.Round(value*1000)/1000, 'f', -1, 64)
}

// cell keeps a text inside its cell of a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}

func (t *table) column(name string) (int, error) {
	for i, other := range t.header {
		if other == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("there is no column %q; there are %s", name, strings.Join(t.header, ", "))
}

func (t *table) report(title, by string, now time.Time) (string, error) {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n%d rows, %d columns; %s\n\n", title, len(t.rows), len(t.header),
		now.Format(time.RFC3339))
	out.WriteString("| column | values | distinct | least | mean | largest | sum |\n")
	out.WriteString("|---|---:|---:|---:|---:|---:|---:|\n")
	for i, name := range t.header {
		s := t.summarise(i)
		fmt.Fprintf(&out, "| %s | %d | %d |", cell(name), s.count, len(s.distinct))
		if s.isNumeric {
			fmt.Fprintf(&out, " %s | %s | %s | %s |\n", number(s.least), number(s.sum/float64(s.count)),
				number(s.most), number(s.sum))
		} else {
			out.WriteString(" | | | |\n")
		}
	}
	if by != "" {
		if err := t.reportGroups(&out, by); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// reportGroups adds a table with a line for each value of the column `by`, most rows first.
func (t *table) reportGroups(out *strings.Builder, by string) error {
	column, err := t.column(by)
	if err != nil {
		return err
	}
	groups := map[string]*table{}
	for _, row := range t.rows {
		group := groups[row[column]]
		if group == nil {
			group = &table{header: t.header}
			groups[row[column]] = group
		}
		group.rows = append(group.rows, row)
	}
	keys := make([]string, 0, len(groups))
	for key := range groups {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(a, b int) bool {
		countA, countB := len(groups[keys[a]].rows), len(groups[keys[b]].rows)
		return countA > countB || countA == countB && keys[a] < keys[b]
	})

	fmt.Fprintf(out, "\n| %s | rows |", cell(by))
	rule := "\n|---|---:|"
	var numeric []int
	for i, name := range t.header {
		if i != column && t.summarise(i).isNumeric {
			numeric = append(numeric, i)
			fmt.Fprintf(out, " sum of %s |", cell(name))
			rule += "---:|"
		}
	}
	out.WriteString(rule + "\n")
	for _, key := range keys {
		fmt.Fprintf(out, "| %s | %d |", cell(key), len(groups[key].rows))
		for _, i := range numeric {
			fmt.Fprintf(out, " %s |", number(groups[key].summarise(i).sum))
		}
		out.WriteString("\n")
	}
	return nil
}
