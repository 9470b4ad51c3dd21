package feedhttp

import (
	"net/http"
	"strings"

	httpport "github.com/leadmill/leadmill/ports/http"
)

func (h Handlers) asyncAPI(k *httpport.Call) {
	k.Send(http.StatusOK, "application/yaml", h.Catalogue.AsyncAPI())
}

func (h Handlers) eventSchema(k *httpport.Call) {
	typ, isJSON := strings.CutSuffix(k.Param("file"), ".json")
	schema, ok := h.Catalogue.Schema(typ)
	if !ok || !isJSON {
		k.Fail(httpport.ErrNotFound)
		return
	}
	k.JSON(http.StatusOK, schema)
}
