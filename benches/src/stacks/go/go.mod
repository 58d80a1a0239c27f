module strata/goroutines

go 1.22
