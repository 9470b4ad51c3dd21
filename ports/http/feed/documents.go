package feedhttp

import (
	"net/http"
	"strings"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	httpport "github.com/leadmill/leadmill/ports/http"
)

func asyncAPI(k *httpport.Call) { k.Send(http.StatusOK, "application/yaml", eventsv1.AsyncAPI()) }

func eventSchema(k *httpport.Call) {
	typ, isJSON := strings.CutSuffix(k.Param("file"), ".json")
	schema, ok := eventsv1.Schema(typ)
	if !ok || !isJSON {
		k.Fail(httpport.ErrNotFound)
		return
	}
	k.JSON(http.StatusOK, schema)
}
