package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// browser opens pages as a browser does.
type browser struct {
	base, cookie, token string

	client *http.Client
	loads  map[string]int // bytes of what pages load, compressed
}

func newBrowser() *browser {
	return &browser{loads: map[string]int{}, client: &http.Client{
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 2 * openBrowsers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var (
	tokenOfForms = regexp.MustCompile(`name="_token" value="([^"]*)"`)
	loadedFiles  = regexp.MustCompile(`(?:src|href)="(/console/assets/[^"]+)"`)
	nextPage     = regexp.MustCompile(`href="([^"]+)" rel="next"`)
	nextForm     = regexp.MustCompile(`<form method="post" action="([^"]+)">([^\n]*?)<button class="quiet">Older</button>`)
	formFields   = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)
	linkToJoin   = regexp.MustCompile(`/join/[^<"\s]+`)
	linkToPortal = regexp.MustCompile(`/portal/sign-in/[^<"\s]+`)
	liveStream   = regexp.MustCompile(`sse-connect="([^"]+)"`)
	livePart     = regexp.MustCompile(`id="now" hx-get="([^"]+)" hx-trigger="([^"]+)"`)
)

// signIn invites somebody to a seller and accepts, as one does who follows the link.
func (b *browser) signIn(ctx context.Context, binary, databaseURL, seller string) error {
	cmd := exec.CommandContext(ctx, binary, "people", "invite", "--seller", seller, "--email", "owner@bench.example", "--role", "owner")
	cmd.Env = append(os.Environ(), "LEADMILL_DATABASE_URL="+databaseURL)
	link, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("invite somebody: %w", err)
	}
	return b.follow(ctx, "/join/"+path.Base(strings.TrimSpace(string(link))), "leadmill_session", "/console", url.Values{"name": {"Olivia Owner"}, "password": {"correct horse battery"}})
}

// signInAsBuyer has an operator invite somebody of a buyer, who accepts.
func (b *browser) signInAsBuyer(ctx context.Context, by *browser, buyerID string) error {
	link, err := by.link(ctx, "/console/buyers/"+buyerID+"/people", linkToJoin, url.Values{"email": {"bea@buyers.example"}, "name": {"Bea Buyer"}, "link": {"1"}})
	if err != nil {
		return err
	}
	return b.follow(ctx, link, "leadmill_session", "/buyer", url.Values{"name": {"Bea Buyer"}, "password": {"correct horse battery"}})
}

// signInAsPartner has an operator make a link by which a partner signs in, and follows it.
func (b *browser) signInAsPartner(ctx context.Context, by *browser, partnerID string) error {
	link, err := by.link(ctx, "/console/partners/"+partnerID+"/sign-in", linkToPortal, url.Values{"_once": {"sign in " + partnerID}})
	if err != nil {
		return err
	}
	return b.follow(ctx, link, "leadmill_portal", "/portal/profile", nil)
}

// link sends a form whose answer shows a link.
func (b *browser) link(ctx context.Context, path string, shown *regexp.Regexp, form url.Values) (string, error) {
	text, status, _, err := b.look(ctx, view{path: path, form: form})
	if err != nil {
		return "", err
	}
	if found := shown.Find(text); found != nil {
		return string(found), nil
	}
	return "", fmt.Errorf("%s answers %d without a link", path, status)
}

// follow signs in by a link that is confirmed with a form. home is a page with a form that somebody sees then.
func (b *browser) follow(ctx context.Context, link, session, home string, form url.Values) error {
	answer, err := b.do(ctx, http.MethodPost, link, form)
	if err != nil {
		return err
	}
	_, err = readAll(answer)
	i := slices.IndexFunc(answer.Cookies(), func(c *http.Cookie) bool { return c.Name == session && c.Value != "" })
	if i < 0 || err != nil {
		return errors.Join(err, fmt.Errorf("the link signs nobody in: %d", answer.StatusCode))
	}
	b.cookie = answer.Cookies()[i].Name + "=" + answer.Cookies()[i].Value
	page, err := b.get(ctx, home)
	if err != nil {
		return err
	}
	if found := tokenOfForms.FindSubmatch(page); found != nil {
		b.token = string(found[1])
		return nil
	}
	return fmt.Errorf("%s has no form", home)
}

func (b *browser) do(ctx context.Context, method, at string, form url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, b.base+at, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.base)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("Cookie", b.cookie)
	return b.client.Do(r)
}

func readAll(answer *http.Response) ([]byte, error) {
	text, err := io.ReadAll(answer.Body)
	return text, errors.Join(err, answer.Body.Close())
}

// get returns what is at an address, as it came.
func (b *browser) get(ctx context.Context, at string) ([]byte, error) {
	answer, err := b.do(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	text, err := readAll(answer)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %d", at, answer.StatusCode)
	}
	return text, err
}

// look opens a view once.
func (b *browser) look(ctx context.Context, v view) (text []byte, status int, took time.Duration, err error) {
	method, form := http.MethodGet, url.Values(nil)
	if v.form != nil {
		method, form = http.MethodPost, maps.Clone(v.form)
		form.Set("_token", b.token)
	}
	began := time.Now()
	answer, err := b.do(ctx, method, v.path, form)
	if err != nil {
		return nil, 0, 0, err
	}
	if v.file {
		_, err = io.ReadFull(answer.Body, make([]byte, 1))
		took = time.Since(began)
		return nil, answer.StatusCode, took, errors.Join(err, answer.Body.Close())
	}
	text, err = readAll(answer)
	return text, answer.StatusCode, time.Since(began), err
}

// open opens a view again and again. older is the next page of a list, if there is one. A page that is not answered is opened once.
func (b *browser) open(ctx context.Context, v view) (o openedPage, older *view, err error) {
	o.name, o.part = v.name, v.part
	var samples []time.Duration
	for i := range pagesRuns + 1 {
		text, status, took, err := b.look(ctx, v)
		if err != nil {
			return o, nil, err
		}
		if i > 0 {
			samples = append(samples, took)
			continue
		}
		o.status = status
		if fair := status == http.StatusOK || v.form != nil && status == http.StatusSeeOther || v.refused && status == http.StatusUnprocessableEntity; !fair {
			fmt.Fprintf(os.Stderr, "%s answers %d: %.300s\n", v.name, status, text)
			o.failed, o.p50, o.p99 = true, took, took
			return o, nil, nil
		}
		if v.file || status == http.StatusSeeOther {
			continue
		}
		if o.bytes, err = b.firstView(ctx, text); err != nil {
			return o, nil, err
		}
		older = olderOf(v, text)
	}
	slices.Sort(samples)
	o.p50, o.p99 = samples[(len(samples)-1)/2], samples[(len(samples)*99+99)/100-1]
	return o, older, nil
}

// olderOf is the next page of the list that a page shows: a link, or a form that posts again what was looked for.
func olderOf(v view, text []byte) *view {
	v.name += olderPage
	if next := nextPage.FindSubmatch(text); next != nil {
		v.path, v.form = html.UnescapeString(string(next[1])), nil
		return &v
	}
	next := nextForm.FindSubmatch(text)
	if next == nil {
		return nil
	}
	v.path, v.form = html.UnescapeString(string(next[1])), url.Values{}
	for _, field := range formFields.FindAllSubmatch(next[2], -1) {
		v.form.Add(html.UnescapeString(string(field[1])), html.UnescapeString(string(field[2])))
	}
	return &v
}

// firstView is how many bytes a page has, compressed, with all that it loads.
func (b *browser) firstView(ctx context.Context, text []byte) (int, error) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		return 0, err
	}
	total := zipped.Len()
	for _, m := range loadedFiles.FindAllSubmatch(text, -1) {
		file := string(m[1])
		if b.loads[file] == 0 {
			loaded, err := b.get(ctx, file)
			if err != nil {
				return 0, err
			}
			b.loads[file] = len(loaded)
		}
		total += b.loads[file]
	}
	return total, nil
}

// lookers are browsers that have Today open.
type lookers struct {
	asked   atomic.Int64 // how often for the part that follows what happens
	stop    context.CancelFunc
	working sync.WaitGroup

	mu  sync.Mutex
	err error
}

// close closes them and tells what went wrong. It does nothing the second time, or without any.
func (l *lookers) close() error {
	if l == nil {
		return nil
	}
	l.stop()
	l.working.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *lookers) failed(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = errors.Join(l.err, err)
}

// lookAtToday opens Today in so many browsers, which follow what happens until they are closed.
func (b *browser) lookAtToday(ctx context.Context, browsers int) (*lookers, error) {
	l := &lookers{}
	ctx, l.stop = context.WithCancel(ctx)
	for range browsers {
		page, err := b.get(ctx, "/console")
		if err != nil {
			return l, err
		}
		stream, part := liveStream.FindSubmatch(page), livePart.FindSubmatch(page)
		if stream == nil || part == nil {
			return l, errors.New("the page of Today does not follow what happens")
		}
		answer, err := b.do(ctx, http.MethodGet, html.UnescapeString(string(stream[1])), nil)
		if err != nil {
			return l, err
		}
		if answer.StatusCode != http.StatusOK {
			return l, errors.Join(fmt.Errorf("the stream answers %d", answer.StatusCode), answer.Body.Close())
		}
		// What happens while the part is asked for has it asked for once more, as htmx does.
		asks := make(chan struct{}, 1)
		l.working.Go(func() {
			defer close(asks)
			triggers := strings.Split(string(part[2]), ", ")
			for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
				if event, is := strings.CutPrefix(lines.Text(), "event: "); is && slices.Contains(triggers, "sse:"+event) {
					select {
					case asks <- struct{}{}:
					default:
					}
				}
			}
			if ctx.Err() == nil {
				l.failed(ctx, errors.New("a stream of Today ended"))
			}
			_ = answer.Body.Close() // it is at its end
		})
		l.working.Go(func() {
			for range asks {
				_, err := b.get(ctx, html.UnescapeString(string(part[1])))
				l.failed(ctx, err)
				l.asked.Add(1)
			}
		})
	}
	return l, nil
}
