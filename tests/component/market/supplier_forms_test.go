package market_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// Leads as form builders, plain HTML forms and spreadsheets send them were refused: multipart, states by name, ZIP codes without zeros.
func TestLeadsAreTakenAsFormsAndSpreadsheetsSendThem(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		for _, c := range []struct {
			state             string
			zip               any
			keptState, zipped string
		}{
			{"new york", "501", "NY", "00501"},
			{" Massachusetts ", 2139, "MA", "02139"},
			{"tx", "75001-1234", "TX", "75001-1234"},
		} {
			form := func() apptest.Form { return s.Form().With("state", c.state, "zip", c.zip) }
			parts, contentType := multipartOf(t, form())
			for contentType, body := range map[string]any{"application/json": form(), contentType: parts} {
				l := s.Supplier.Must(t, "POST", "/api/leads", body, "Content-Type", contentType).Lead()
				if l.Status != "sold" {
					t.Fatalf("%v as %s is answered %+v", c, contentType, l)
				}
				kept := string(s.Program.Must(t, "GET", "/v1/marketplace/leads/"+l.ID, nil).Body)
				if !strings.Contains(kept, `"state":"`+c.keptState+`"`) || !strings.Contains(kept, `"zip":"`+c.zipped+`"`) {
					t.Errorf("%v as %s is kept as %s", c, contentType, kept)
				}
			}
		}
		a := s.Supplier.Do("POST", "/api/leads", s.Form().With("state", "Ontario", "zip", "7"))
		if a.Status != 400 || !strings.Contains(string(a.Body), `"errors":{"state":"is not a US state","zip":"must be a ZIP code such as 75001 or 75001-1234"},"request_id":"req_`) {
			t.Errorf("answered %s", a)
		}
	})
}

// multipartOf is a form as a browser sends it by enctype="multipart/form-data".
func multipartOf(t *testing.T, form apptest.Form) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range form {
		if err := w.WriteField(name, fmt.Sprint(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}
