package leadmill

import _ "go.uber.org/dig" // want fx-in-the-core

var cache = map[string]string{} // want rooms-of-parts

var marketRoom = ownModule("market",
	Provide(newMarket),
	AsCommand[Sell, Sold](newSell),
	asSpecial(newMarket), // want rooms-of-parts
)
