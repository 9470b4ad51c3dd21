// Package chromium starts the browser in which tests see what only a browser shows: a headless Chromium that reaches this machine only.
//
// Stability: unsupported; it may change at any time.
package chromium

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/chromedp/chromedp"
)

func find() (string, error) {
	if name := os.Getenv("LEADMILL_TEST_CHROMIUM"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("LEADMILL_TEST_CHROMIUM: %w; without it, make test-setup finds or installs one", err)
		}
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium in PATH: run make test-setup, or name one in LEADMILL_TEST_CHROMIUM")
}

// Start starts the browser named by LEADMILL_TEST_CHROMIUM, or the first in PATH, and returns the context for chromedp.NewContext, by which
// tabs open. It finds host on this machine, and no other name. Errors: there is none, or it did not start in time.
func Start(host string, patience time.Duration) (context.Context, error) {
	path, err := find()
	if err != nil {
		return nil, err
	}
	// Without a user-data-dir among the options it gets an empty one, which goes when it ends.
	allocator, _ := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.Headless,
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-default-apps", true), chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		// Nothing but this machine: no name leads anywhere else, and no proxy of the environment is asked.
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP "+host+" 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE 127.0.0.1"))
	ctx, cancel := chromedp.NewContext(allocator)
	late := time.AfterFunc(patience, cancel) // a deadline of the first call would end the browser later
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		return nil, fmt.Errorf("%s does not start: %w", path, err)
	}
	late.Stop()
	return ctx, nil
}

// Close ends a browser that Start returned; nil is none. Errors: it did not end well, or not in time.
func Close(browser context.Context, patience time.Duration) error {
	if browser == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(browser, patience)
	defer cancel()
	if err := chromedp.Cancel(ctx); err != nil {
		return fmt.Errorf("chromium does not end well: %w", err)
	}
	return nil
}
