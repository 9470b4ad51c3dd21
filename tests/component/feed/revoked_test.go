package feed_test

import (
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// A key that was revoked read on for as long as its long poll lasted, also at another instance than the one that revoked it.
func TestARevokedKeyEndsItsWaitsOnEveryInstance(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		here := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		there := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, here, nil, apptest.Rich)
		apptest.Open(t, databaseURL).Settle()
		key := s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{"name": "reader", "scope": "program"}).Data(t)
		id, _ := key["id"].(string)
		token, _ := key["key"].(string)
		polls := make(chan apptest.Answer, 2)
		for _, app := range []*apptest.App{here, there} {
			reader := s.Program.At(app).With(token)
			reader.Must(t, "GET", "/v1/events?limit=1", nil) // the instance knows the key
			go func() { polls <- reader.Do("GET", "/v1/events?types=partner.deleted.v1&wait=25", nil) }()
		}
		began := time.Now()
		s.Program.Must(t, "DELETE", "/v1/api-keys/"+id, nil)
		for range 2 {
			if a := <-polls; a.Status != 401 || !strings.Contains(string(a.Body), `"invalid_api_key"`) || time.Since(began) > 20*time.Second {
				t.Errorf("after %s answered %s", time.Since(began), a)
			}
		}
	})
}
