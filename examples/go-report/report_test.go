package main

import (
	"encoding/json"
	"os"
	"path"
	"strings"
	"testing"
	"time"
)

const harbour = "ship,cargo,tons\nArgo,wool,40\nPistris,oil,12.5\nArgo,oil,7.5\nTriton,,\n"

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestReport(t *testing.T) {
	table, err := readTable(strings.NewReader(harbour))
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.report("Harbour", "ship", noon)
	want := `# Harbour

4 rows, 3 columns; 2026-05-01T12:00:00Z

| column | values | distinct | least | mean | largest | sum |
|---|---:|---:|---:|---:|---:|---:|
| ship | 4 | 3 | | | | |
| cargo | 3 | 2 | | | | |
| tons | 3 | 3 | 7.5 | 20 | 40 | 60 |

| ship | rows | sum of tons |
|---|---:|---:|
| Argo | 2 | 47.5 |
| Pistris | 1 | 12.5 |
| Triton | 1 | 0 |
`
	if err != nil || got != want {
		t.Errorf("error %v, got\n%s", err, got)
	}
}

func TestErrors(t *testing.T) {
	for text, words := range map[string]string{
		"":             "no header",
		"a,b\n1\n":     "wrong number of fields",
		"a\n\"open\n":  "quote",
		"ship,n\nx,1\n": "no column \"port\"; there are ship, n",
	} {
		table, err := readTable(strings.NewReader(text))
		if err == nil {
			_, err = table.report("x", "port", noon)
		}
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func step(t *testing.T, input string) result {
	folder := t.TempDir()
	os.MkdirAll(path.Join(folder, "artifacts-in/data"), 0o755)
	os.WriteFile(path.Join(folder, "artifacts-in/data/ships.csv"), []byte(harbour), 0o644)
	if err := runStep(folder, []byte(input), noon); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path.Join(folder, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out result
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStep(t *testing.T) {
	out := step(t, `{"plugin_options":[{"name":"title","value":"Ships"}],"parameters":[],
		"artifacts":[{"name":"ships","path":"/data/ships.csv"}]}`)
	if out.Phase != "Succeeded" || !strings.HasPrefix(out.Outputs.Parameters[0].Value.(string), "# Ships\n") {
		t.Errorf("%+v", out)
	}
	out = step(t, `{"artifacts":[]}`)
	if out.Phase != "Failed" || !strings.Contains(out.Message, "artifact is missing") {
		t.Errorf("%+v", out)
	}
}
