package main

import (
	_ "go.uber.org/fx" // want vendor-fx

	_ "github.com/leadmill/leadmill"
	_ "github.com/leadmill/leadmill/adapters/sqlstore" // want cmd-imports
	_ "github.com/leadmill/leadmill/tests/dbtest"      // want cmd-imports tests-stay-tests
)
