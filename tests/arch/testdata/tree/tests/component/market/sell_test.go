package market_test

import (
	_ "github.com/leadmill/leadmill/tests/component/apptest"
	_ "github.com/leadmill/leadmill/tests/component/program" // want rooms-apart-in-tests
)
