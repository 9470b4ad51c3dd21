package leadmill // want rooms-of-parts

import _ "go.uber.org/fx" // want fx-in-the-core
