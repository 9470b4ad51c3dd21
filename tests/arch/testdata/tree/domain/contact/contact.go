package contact

import (
	_ "log/slog"
	_ "net/http" // want domain-imports
	_ "net/url"
)
