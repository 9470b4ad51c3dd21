module github.com/leadmill/leadmill/sdk/go

go 1.26.0
