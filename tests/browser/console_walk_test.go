package browser_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
)

// demo is the program's demo, in a process of its own.
type demo struct {
	*apptest.Process

	link string // that it prints: it signs the owner in, once
}

// startDemo starts what make run starts, on an empty database.
func startDemo(t *testing.T) demo {
	t.Helper()
	d := demo{Process: apptest.Run(t, dbtest.URL(t, dbtest.SQLite), []string{"demo"}, "LEADMILL_SECRET_KEY="+strings.Repeat("s", 32))}
	printed := regexp.MustCompile(`(?m)^Look at it:\s*(\S+)$`)
	apptest.Eventually(t, func() error {
		m := printed.FindStringSubmatch(d.Output.String())
		if m == nil || !strings.Contains(d.Output.String(), "curl ") {
			return errors.New("no link is printed yet: " + d.Output.String())
		}
		d.link = m[1]
		return nil
	})
	return d
}

// signIn opens the printed link and presses its button.
func (d demo) signIn(t *testing.T) *tab {
	t.Helper()
	b := newTab(t)
	b.open(d.link)
	b.press("main form button")
	b.wait(heading, "Today")
	return b
}

// beside opens another tab in which the same person is signed in.
func (b *tab) beside(t *testing.T, address string) *tab {
	t.Helper()
	other := newTab(t)
	for _, c := range b.cookies(address) {
		other.call(func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: address})
			return err
		})
	}
	return other
}

const heading = "document.querySelector('h1')?.textContent ?? ''"

// press clicks what a selector finds first.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.wait("document.querySelector("+quoted(selector)+") !== null", true)
	b.do("document.querySelector(" + quoted(selector) + ").click()")
}

// follow clicks the first link or button of a part of the page whose text begins so, and waits until another page is there.
func (b *tab) follow(within, text string) {
	b.t.Helper()
	found := fmt.Sprintf("[...document.querySelectorAll(%s + ' a, ' + %s + ' button')].find(e => e.textContent.trim().startsWith(%s))", quoted(within), quoted(within), quoted(text))
	b.wait(found+" !== undefined", true)
	b.do("window.left = true; " + found + ".click()")
	b.wait("window.left === undefined && document.readyState === 'complete'", true)
}

// Somebody who saw these pages never before finds out why a lead waits, tops the buyer up, sees the lead sold, approves a partner and exports last
// week's report: from Today, by what can be pressed alone.
func TestTheDemoIsWalkedThrough(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	b := d.signIn(t)
	b.as(1280, 800, "light")

	// Why does a lead wait, and for how much money?
	need := "[...document.querySelectorAll('.todo li')].map(e => e.textContent).find(e => e.includes(' for Calisolar frees ')) ?? ''"
	b.wait("("+need+") !== ''", true)
	told, _ := b.read(need).(string)
	amount := regexp.MustCompile(`\$([0-9,.]+) for Calisolar frees ([0-9,]+) leads? worth`).FindStringSubmatch(told)
	require.NotNil(t, amount, told)
	b.wait("document.querySelector('#hours .plot canvas') !== null", true)
	b.picture("today")
	b.follow(".navlist", "Waiting")
	b.wait(heading, "Waiting")
	b.picture("waiting")
	row := "[...document.querySelectorAll('#waiting tbody tr')].find(e => e.textContent.includes('for Calisolar frees'))"
	b.do("window.left = true; " + row + ".querySelector('td[data-label=\"Waits since\"] a').click()")
	b.wait("document.querySelector('h1 .status')?.textContent ?? ''", "Pending")
	b.want("[...document.querySelectorAll('.todo li')].some(e => e.textContent.includes('Calisolar: the balance does not cover the price'))", true)
	b.want("[...document.querySelectorAll('.todo li .plain')].every(e => getComputedStyle(e).display === 'inline')", true)
	b.want("[...document.querySelectorAll('.todo li')].find(e => e.textContent.includes('Calisolar')).querySelector('a.small').textContent", "Top up")
	b.picture("lead")
	b.do("window.stays = true")

	// The lead stays open, while Calisolar is topped up in another tab.
	other := b.beside(t, d.URL)
	other.open(d.URL + "/console")
	other.do("window.left = true; [...document.querySelectorAll('.todo li')].find(e => e.textContent.includes(' for Calisolar frees ')).querySelector('a').click()")
	other.wait(heading, "Calisolar Active")
	other.do("document.querySelector('#f-amount').value = " + quoted("100,000") + "; document.querySelector('form[action$=\"/deposit\"] button').click()")
	other.wait("document.querySelector('.notice.good')?.textContent.startsWith('$100,000.00 were added')", true)
	b.wait("document.querySelector('.timeline').textContent.includes('Sold to Calisolar')", true)
	b.want("window.stays", true) // without being loaded again
	other.wait("document.querySelector('#now').textContent.includes('Leads waiting for money0')", true)

	// A partner that waits is approved.
	b.follow(".navlist", "Today")
	b.follow(".todo li:has(a[href*=\"/partners\"])", "Look at them")
	b.want("[...document.querySelectorAll('td[data-label=\"Status\"]')].every(e => e.textContent === 'Pending')", true)
	b.follow("#rows", "Emma Sandoval")
	b.want("document.querySelector('h1 .status').textContent", "Pending")
	b.follow("main .actions", "Approve")
	b.want("document.querySelector('h1 .status').textContent", "Active")
	b.want("document.querySelector('#trail td[data-label=\"What\"]').textContent", "Approve partner")

	// Last week's report, as a file.
	b.follow(".navlist", "Reports")
	b.follow(".tabs", "Last week")
	b.want("document.querySelectorAll('.report tbody tr').length", float64(7))
	sum := func(label string) string {
		t.Helper()
		text, _ := b.read("[...document.querySelectorAll('.report td[data-label=" + label + "]')].map(e => e.textContent.replace(/[$,]/g, '')).join('+')").(string)
		return added(t, strings.Split(text, "+"))
	}
	b.wait("document.querySelector('.plot canvas') !== null", true)
	b.picture("reports")
	shownLeads, shownMargin := sum(`"Leads"`), sum(`"Margin"`)
	b.do("window.file = undefined; fetch([...document.querySelectorAll('.actions a')].find(e => e.textContent === 'Export as CSV').href)" +
		".then(r => Promise.all([r.headers.get('Content-Disposition'), r.text()])).then(f => { window.file = f })")
	b.wait("window.file === undefined", false)
	b.want("window.file[0]", `attachment; filename="report.csv"`)
	text, _ := b.read("window.file[1]").(string)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 8)
	column := func(name string) (cells []string) {
		for i, title := range rows[0] {
			if title == name {
				for _, r := range rows[1:] {
					cells = append(cells, r[i])
				}
			}
		}
		return cells
	}
	assert.Equal(t, shownLeads, added(t, column("submitted")))
	assert.Equal(t, shownMargin, added(t, column("margin")))
	assert.NotEqual(t, "0", shownLeads)
	from, _ := b.read("document.querySelector('#f-from').value").(string)
	to, _ := b.read("document.querySelector('#f-to').value").(string)
	assert.Equal(t, []string{from, to}, []string{column("day")[0], column("day")[6]})

	// Who would get a lead, and why the others would not.
	b.follow(".navlist", "Campaigns")
	b.follow("main tbody", "Home Solar")
	b.follow("main", "Dry run")
	b.send(map[string]string{"lead": "firstName: Jane\nlastName: Doe\nphone: 214-555-0199\nstate: CA"}, "Try it")
	b.wait("document.querySelector('#result h2')?.textContent.includes('It would be sold to') ?? false", true)
	b.want("document.querySelector('#result').textContent.includes('Calisolar')", true)
	b.picture("dry-run")
}

// added adds up what cells of a table or a sheet say.
func added(t *testing.T, cells []string) string {
	t.Helper()
	sum := new(big.Rat)
	for _, c := range cells {
		n, ok := new(big.Rat).SetString(c)
		require.True(t, ok, c)
		sum.Add(sum, n)
	}
	return sum.RatString()
}
