module tiphys/examples/go-report

go 1.21
