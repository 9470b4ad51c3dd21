package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	consolehttp "github.com/leadmill/leadmill/ports/http/console"
)

// Who opens pages.
const (
	operator     = "operator"
	buyerPerson  = "somebody of a buyer"
	partnerLarge = "partner"
	partnerSmall = "partner without leads"
)

// newVisitors are browsers of all who open pages, before they sign in.
func newVisitors() map[string]*browser {
	return map[string]*browser{operator: newBrowser(), buyerPerson: newBrowser(), partnerLarge: newBrowser(), partnerSmall: newBrowser()}
}

// openAll opens every page with a process of its own.
func (s *shop) openAll(ctx context.Context, people map[string]*browser) (all []openedPage, err error) {
	p, err := start(ctx, s.binary, s.databaseURL, s.batch, s.settings...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	for _, b := range people {
		b.base = p.base
	}
	if err := s.session.MoveTo(p.base); err != nil {
		return nil, err
	}
	if err := s.signIn(ctx, people); err != nil {
		return nil, errors.Join(err, p.logs())
	}
	views, err := s.views(ctx)
	if err != nil {
		return nil, errors.Join(err, p.logs())
	}
	for i := 0; i < len(views); i++ {
		o, older, err := people[views[i].by].open(ctx, views[i])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", views[i].name, err), p.logs())
		}
		all = append(all, o)
		if older != nil && !strings.HasSuffix(views[i].name, olderPage) {
			views = append(views, *older)
		}
	}
	return all, nil
}

// signIn signs everybody in. The owner lets the people of the buyer do what a seller can let them do, and makes the partners' links.
func (s *shop) signIn(ctx context.Context, people map[string]*browser) error {
	owner := people[operator]
	if err := owner.signIn(ctx, s.binary, s.databaseURL, s.code); err != nil {
		return err
	}
	may := map[string]any{"portal": map[string]any{"pause_contracts": true, "change_caps": true}}
	if err := call(ctx, s.api, http.MethodPut, "/v1/buyers/"+s.buyers[0], may, nil); err != nil {
		return err
	}
	if err := people[buyerPerson].signInAsBuyer(ctx, owner, s.buyers[0]); err != nil {
		return err
	}
	for who, partner := range map[string]string{partnerLarge: pagingPartner, partnerSmall: s.partners[len(s.partners)-1]} {
		if err := people[who].signInAsPartner(ctx, owner, partner); err != nil {
			return err
		}
	}
	return nil
}

// olderPage marks the second page of a list.
const olderPage = ", older"

// view is something to open.
type view struct {
	name, path string
	by         string // who opens it
	file       bool
	form       url.Values // what is posted; nil: it is not
	refused    bool       // it may be refused because it is too large
	part       bool       // it comes after its page
}

// posted is a view that is posted.
func posted(name, path string, pairs ...string) view {
	v := view{name: name, path: path, by: operator, form: url.Values{}, file: strings.HasSuffix(path, ".csv")}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.form.Set(pairs[i], pairs[i+1])
	}
	return v
}

// views are all pages with examples of what the seller has, and with the filters that people use.
func (s *shop) views(ctx context.Context) ([]view, error) {
	examples, err := s.examples(ctx)
	if err != nil {
		return nil, err
	}
	views, err := viewsOf(allPages(), examples)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	day := func(back int) string { return now.AddDate(0, 0, -back).Format(time.DateOnly) }
	add := func(path string, pairs ...string) {
		for i := range pairs {
			views = append(views, view{name: path + "?" + strings.ReplaceAll(pairs[i], s.sellerID, "…"), path: path + "?" + pairs[i], by: visitorOf(path), file: isFile(path)})
		}
	}
	add("/console/leads", "status=pending", "status=sold", "status=rejected", "status=quarantined", "category=Solar", "category=Auto+Insurance", "state=CA", "state="+pagesStates[len(pagesStates)-1], "state=AK",
		"buyer="+s.buyers[0], "supplier="+s.partners[3], "supplier="+s.partners[len(s.partners)-1], "key="+s.supplierKeyID, "from="+day(3)+"&to="+day(3), "from="+day(20)+"&to="+day(10)+"&state=FL", "status=sold&buyer="+s.buyers[1]+"&from="+day(5))
	add("/console/leads.csv", "from="+day(1), "state=AK&from="+day(1))
	for _, by := range []string{"day", "hour", "category", "supplier", "buyer", "contract", "state", "reason", "day&again=supplier", "hour&again=state", "state&again=reason", "supplier&again=buyer", "day&again=contract"} {
		for _, days := range []int{1, 5, 30} {
			span := fmt.Sprintf("by=%s&from=%s&to=%s", by, day(days), day(1))
			views = append(views, view{name: fmt.Sprintf("/console/reports?by=%s, days: %d", by, days), path: "/console/reports?" + span, by: operator})
			if strings.Contains(by, "hour") || strings.Contains(by, "contract") || strings.Contains(by, "state") || strings.Contains(by, "reason") {
				views = append(views, view{name: fmt.Sprintf("/console/reports/table?by=%s, days: %d", by, days), path: "/console/reports/table?" + span, by: operator, refused: true, part: true})
			}
		}
	}
	add("/console/reports.csv", "by=day&again=supplier&from="+day(29))
	add("/console/partners", "status=active", "status=pending")
	add("/console/events", "type=lead.sold.v1", "type=customer.created.v1")
	add("/console/customers", "partner="+pagingPartner)
	add("/console/form-leads", "status=new", "status=rejected")
	// A month ends in the zone of the buyer or the seller: the middle of it is in the month everywhere.
	month := func(back int) string {
		return time.Date(now.Year(), now.Month(), 15, 0, 0, 0, 0, time.UTC).AddDate(0, -back, 0).Format("2006-01")
	}
	for _, back := range []int{0, 1, 12} {
		add("/buyer", "month="+month(back))
		for _, of := range []string{"/buyer", "/console/buyers/" + s.buyers[0]} {
			add(of+"/statement", "month="+month(back))
			add(of+"/statement.csv", "month="+month(back))
		}
		sheet := posted("/buyer/leads.csv, month: "+month(back), "/buyer/leads.csv", "month", month(back))
		sheet.by = buyerPerson
		views = append(views, sheet)
	}
	views = append(views, view{name: "/portal/leads of a partner without leads", path: "/portal/leads", by: partnerSmall})
	for _, id := range []string{s.newest, s.oldest, s.templates["money"], s.templates["cap"]} {
		views = append(views, view{name: "/console/leads/" + id, path: "/console/leads/" + id, by: operator})
	}
	for _, text := range []string{"9725550105", fmt.Sprint(firstPhone + 7), "(214) 599-0001", "john.9725550105@example.com", "nobody@example.com", s.newest, s.partners[77%len(s.partners)], s.partners[7] + "@partners.example", "Partner 7", "c00000007", s.buyers[0], "Buyer 1"} {
		views = append(views, posted("search for "+text, "/console/search", "q", text))
	}
	last := s.partners[len(s.partners)-1]
	for _, text := range []string{"Partner", "Priya", "partner 7", last, last + "@partners.example", "nobody"} {
		views = append(views, posted("partners with "+text, "/console/partners", "search", text), posted("partners as CSV with "+text, "/console/partners.csv", "search", text))
	}
	views = append(views, posted("active partners with Ana", "/console/partners", "status", "active", "search", "Ana"))
	for _, text := range []string{customerKey(7), customerKey(7) + "@load.example", "nobody"} {
		views = append(views, posted("customers with "+text, "/console/customers", "search", text))
	}
	views = append(views, posted("customers of a partner by its email", "/console/customers", "partner", last+"@partners.example"))
	// Whoever looks at the system has the tables measured, which others would pay for.
	slices.SortStableFunc(views, func(a, b view) int {
		return cmp.Compare(strings.Count(a.path, "/system"), strings.Count(b.path, "/system"))
	})
	return views, nil
}

// isFile reports whether what is at a path is saved or printed, so that its beginning is what one waits for.
func isFile(path string) bool {
	return strings.HasSuffix(path, ".csv") || strings.HasSuffix(path, "/statement")
}

// visitorOf is who opens what is at a path.
func visitorOf(path string) string {
	for below, who := range map[string]string{"/buyer": buyerPerson, "/portal": partnerLarge} {
		if path == below || strings.HasPrefix(path, below+"/") || strings.HasPrefix(path, below+"?") {
			return who
		}
	}
	return operator
}

// allPages are those of operators, of people of buyers and of partners.
func allPages() []consolehttp.Page {
	all := consolehttp.Pages()
	for _, p := range consolehttp.PartnerPages() {
		all = append(all, consolehttp.Page{Method: p.Method, Path: p.Path})
	}
	return all
}

// isLookedAt reports whether a page is opened: those that change something are not. What a viewer may post changes nothing: it is a search, which stands in
// no address. Files and fields of leads are posted so that it is noted who saw them.
func isLookedAt(p consolehttp.Page) bool {
	return p.Method == http.MethodGet || p.Needs == application.Viewer || p.Download || strings.HasSuffix(p.Path, "/:id/fields")
}

// viewsOf are the pages to look at, each at an address that the seller has.
func viewsOf(pages []consolehttp.Page, examples map[string]string) (views []view, err error) {
	for _, p := range pages {
		if !isLookedAt(p) {
			continue
		}
		address, found := p.Path, !strings.Contains(p.Path, ":")
		for pattern, example := range examples {
			below, is := strings.CutPrefix(p.Path, pattern)
			if is && (below == "" || below[0] == '/') && !strings.Contains(below, ":") {
				address, found = example+below, true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no example of the page %s", p.Path)
		}
		v := view{name: p.Path, path: address, by: visitorOf(p.Path), file: p.Download}
		if p.Needs == application.Buyer {
			v.by = buyerPerson
		}
		if p.Method == http.MethodPost {
			v.name, v.form = "posted: "+p.Path, url.Values{}
		}
		views = append(views, v)
	}
	return views, nil
}

// examples are addresses of pages about one thing, by their patterns.
func (s *shop) examples(ctx context.Context) (_ map[string]string, err error) {
	db, err := dialect.Open(s.databaseURL, dialect.Options{MaxConnections: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var of example
	if err := errors.Join(
		db.Reader.GetContext(ctx, &of.person, "SELECT person_id FROM memberships WHERE seller_id = ? AND buyer_id = ''", s.sellerID),
		db.Reader.GetContext(ctx, &of.personOfBuyer, "SELECT person_id FROM memberships WHERE seller_id = ? AND buyer_id = ?", s.sellerID, s.buyers[0]),
		db.Reader.GetContext(ctx, &of.bought, "SELECT MAX(id) FROM sales WHERE seller_id = ? AND contract_id = ? AND status = 'sold'", s.sellerID, s.contracts[0]),
	); err != nil {
		return nil, err
	}
	var events struct{ Data []struct{ Sequence string } }
	if err := s.api.Call(ctx, http.MethodGet, "/v1/events?limit=1", nil, &events); err != nil {
		return nil, err
	}
	of.position = strings.TrimLeft(events.Data[0].Sequence, "0")
	var told struct {
		Data []struct {
			EventID string `json:"event_id"`
		}
	}
	patient, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	for len(told.Data) == 0 { // the webhooks were told of a partner, or will be
		if err := s.api.Call(ctx, http.MethodGet, "/v1/webhooks/"+s.webhooks[0]+"/deliveries", nil, &told); err != nil {
			return nil, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-patient.Done():
			return nil, fmt.Errorf("no webhook was told of a partner: %w", context.Cause(patient))
		}
	}
	of.told = told.Data[0].EventID
	return s.addresses(of), nil
}

// example is what a page shows that is about one thing which was not there before somebody signed in.
type example struct {
	person, personOfBuyer string
	bought                string // a sale to the buyer
	position              string // of an event
	told                  string // an event that a webhook was told of
}

// addresses are those of what the seller has, by the patterns of their pages.
func (s *shop) addresses(of example) map[string]string {
	buyer := "/console/buyers/" + s.buyers[0]
	return map[string]string{
		"/console/leads/:id":                         "/console/leads/" + s.templates["sold"],
		"/console/buyers/:id":                        buyer,
		"/console/buyers/:id/people/:person":         buyer + "/people/" + of.personOfBuyer,
		"/console/campaigns/:id":                     "/console/campaigns/" + s.campaign,
		"/console/campaigns/:id/contracts/:contract": "/console/campaigns/" + s.campaign + "/contracts/" + s.contracts[0],
		"/console/partners/:id":                      "/console/partners/" + pagingPartner,
		"/console/customers/:id":                     "/console/customers/" + customerKey(7),
		"/console/form-leads/:number":                "/console/form-leads/3",
		"/console/events/:position":                  "/console/events/" + of.position,
		"/console/webhooks/:id":                      "/console/webhooks/" + s.webhooks[0],
		"/console/webhooks/:id/deliveries/:event":    "/console/webhooks/" + s.webhooks[0] + "/deliveries/" + of.told,
		"/console/returns/:id":                       "/console/returns/" + s.returned,
		"/console/keys/:id":                          "/console/keys/" + s.supplierKeyID,
		"/console/people/:id":                        "/console/people/" + of.person,
		"/buyer/leads/:id":                           "/buyer/leads/" + of.bought,
		"/buyer/contracts/:id":                       "/buyer/contracts/" + s.contracts[0],
	}
}
