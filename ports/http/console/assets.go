package consolehttp

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	httpport "github.com/leadmill/leadmill/ports/http"
)

//go:embed assets/*.js assets/*.css design/*.css design/*.js design/*.svg
var assetFiles embed.FS

// asset is a file that pages load.
type asset struct {
	contentType     string
	version         string
	plain, zippedup []byte
}

// assets are all files that pages load, by name, compressed once.
var assets = sync.OnceValue(func() map[string]asset {
	all := map[string]asset{}
	for _, folder := range []string{"assets", "design"} {
		entries, err := assetFiles.ReadDir(folder)
		if err != nil {
			panic(err)
		}
		for _, e := range entries {
			b, err := assetFiles.ReadFile(folder + "/" + e.Name())
			if err != nil {
				panic(err)
			}
			sum := sha256.Sum256(b)
			all[e.Name()] = asset{contentType: typeOf(e.Name()), version: hex.EncodeToString(sum[:6]), plain: b, zippedup: zipped(b)}
		}
	}
	return all
})

func typeOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	default:
		return mime.TypeByExtension(ext)
	}
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()
}

// assetURL is where a file is, under a name that changes with what is in it.
func assetURL(name string) string {
	a, known := assets()[name]
	if !known {
		panic("consolehttp: no asset " + name)
	}
	return assetsPath + "/" + a.version + "/" + name
}

// serveAsset answers a file. Under its own version it never changes; an instance of another release is asked for its own, and answers
// that without letting anybody keep it.
func serveAsset(k *httpport.Call) {
	a, known := assets()[k.Param("name")]
	if !known {
		k.Fail(httpport.ErrNotFound)
		return
	}
	header := k.Writer().Header()
	if k.Param("version") == a.version {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	header.Set("Vary", "Accept-Encoding")
	body := a.plain
	if accepts(k.Request(), "gzip") {
		header.Set("Content-Encoding", "gzip")
		body = a.zippedup
	}
	k.Send(http.StatusOK, a.contentType, body)
}

func accepts(r *http.Request, encoding string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, parameters, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			q := strings.ReplaceAll(parameters, " ", "")
			return q != "q=0" && !strings.HasPrefix(q, "q=0.000")
		}
	}
	return false
}
