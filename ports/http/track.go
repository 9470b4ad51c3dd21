package httpport

import (
	_ "embed"
	"net/http"
)

// The script that sellers load into their own pages (api/partner-program.md, "Tracking").
//
//go:embed track.js
var trackJS []byte

var (
	scriptType  = []string{"text/javascript; charset=utf-8"}
	anHour      = []string{"public, max-age=3600"}
	crossOrigin = []string{"cross-origin"}
)

// trackScript is loaded by pages of other origins, also by those that isolate themselves (Cross-Origin-Embedder-Policy).
func trackScript(k *call) {
	header := k.c.Writer.Header()
	header["Cache-Control"] = anHour
	header["Cross-Origin-Resource-Policy"] = crossOrigin
	k.send(http.StatusOK, scriptType, trackJS)
}
