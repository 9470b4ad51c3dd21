package chromium_test

import (
	"strings"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/chromium"
)

//nolint:paralleltest // it sets the environment
func TestNoChromium(t *testing.T) {
	for _, name := range []string{"", "/no/such/chromium"} {
		t.Setenv("PATH", t.TempDir())
		t.Setenv("LEADMILL_TEST_CHROMIUM", name)
		browser, err := chromium.Start("shop.test", time.Minute)
		if err == nil || !strings.Contains(err.Error(), "make test-setup") {
			t.Errorf("%q: found %v, %v", name, browser, err)
		}
	}
}
