module strata/collectors

go 1.22
