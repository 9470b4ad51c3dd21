package campaign

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

// DeliveryMode says how the buyer of a contract learns of its leads.
type DeliveryMode string

// The modes of delivery. With DeliveryNone the buyer reads its leads itself, with DeliveryConfirm it is asked before a lead is sold to it.
const (
	DeliveryNone    DeliveryMode = "none"
	DeliveryNotify  DeliveryMode = "notify"
	DeliveryConfirm DeliveryMode = "confirm"
)

// DeliveryFormat is how a request that delivers a lead is written.
type DeliveryFormat string

// The formats of a delivery.
const (
	DeliveryJSON DeliveryFormat = "json"
	DeliveryForm DeliveryFormat = "form"
	DeliveryXML  DeliveryFormat = "xml"
)

// ErrNoSecret says that a contract has no secret that could be made anew.
var ErrNoSecret = fault.New(fault.Invalid, "contract_has_no_secret", "The contract delivers to no URL, so that it has no secret.")

// OldSecretLasts is how long the secret before signs beside a new one. Of several it is the last: one that is older stops at once.
const OldSecretLasts = 24 * time.Hour

const (
	maxMembers     = 100
	maxMember      = 128
	maxOfOne       = 3 // members that are the same field of a lead, which may be as large as the lead
	maxStatic      = 1000
	maxHeaders     = 20
	maxHeaderValue = 2000
	minTimeout     = 100 * time.Millisecond
	maxTimeout     = 30 * time.Second
	defaultTimeout = 5 * time.Second
)

// Delivery is how the buyer of a contract is told of each lead that it buys: by a request to URL, or by a mail to Email. It must not be changed.
type Delivery struct {
	URL, Email string
	Format     DeliveryFormat
	// Fields are the members that are sent, by their name at the receiver, and what each of them is: see DeliverySources. Empty: all, as the
	// documentation shows them.
	Fields map[string]string
	// Static are members that are sent as they are.
	Static  map[string]string
	Headers []DeliveryHeader // by name
	Timeout time.Duration
	// Secret is what signs requests, sealed; OldSecret is the one before and signs beside it until OldSecretUntil. Both are empty without a URL.
	Secret, OldSecret []byte
	OldSecretUntil    time.Time
	// Since is from when on the contract delivers.
	Since time.Time
	// Confirm: the buyer is asked before a lead is sold to it. PriceFromAnswer: it pays what it answers where that is less than the price.
	Confirm, PriceFromAnswer bool
	// Response is how the answers of a buyer that is asked are read.
	Response Response
}

// Mode returns how the buyer learns of its leads.
func (d *Delivery) Mode() DeliveryMode {
	switch {
	case d == nil:
		return DeliveryNone
	case d.Confirm:
		return DeliveryConfirm
	}
	return DeliveryNotify
}

// DeliveryHeader is a header of requests that deliver. Its value is sealed.
type DeliveryHeader struct {
	Name   string
	Sealed []byte
}

// DeliveryTerms are what an operator says about a delivery. A nil member keeps what is stored; an empty text, map or list takes it away. URL
// was looked at by application.Outbound.
type DeliveryTerms struct {
	Mode, URL, Email, Format *string
	Fields, Static           *map[string]string
	Headers                  *[]HeaderTerms
	TimeoutMS                *int64
	Response                 *Response
	PriceFromAnswer          *bool
	// NewSecret is a secret, sealed, for a contract that has none and needs one.
	NewSecret []byte
}

// HeaderTerms are what an operator says about a header. A nil Value keeps what is stored; any other is sealed in Sealed by the caller.
type HeaderTerms struct {
	Name   string
	Value  *string
	Sealed []byte
}

// Delivery returns how the contract's buyer is told of its leads; nil when it is not. It must not be changed.
func (k Contract) Delivery() *Delivery { return k.s.Delivery }

// applyDelivery returns the delivery that terms make of a stored one, which may be nil as may be the result.
func applyDelivery(old *Delivery, t DeliveryTerms, at time.Time, v *fault.Violations) *Delivery {
	d, mode := Delivery{Format: DeliveryJSON, Timeout: defaultTimeout, Since: at}, old.Mode()
	if old != nil {
		d = *old
	}
	if t.Mode != nil {
		mode = DeliveryMode(*t.Mode)
	}
	switch mode {
	case DeliveryNotify, DeliveryConfirm:
	case DeliveryNone, "":
		if t.URL != nil && *t.URL != "" || t.Email != nil && *t.Email != "" {
			v.Add("mode", fault.Required, "must be notify or confirm beside url, notify beside email")
		}
		return nil
	default:
		v.Add("mode", fault.InvalidValue, "must be none, notify or confirm")
	}
	was := d.URL
	d.applyAddress(t, v)
	if t.Format != nil {
		d.Format = DeliveryFormat(*t.Format)
		if !slices.Contains([]DeliveryFormat{DeliveryJSON, DeliveryForm, DeliveryXML}, d.Format) {
			v.Add("format", fault.InvalidValue, "must be json, form or xml")
		}
	}
	if t.TimeoutMS != nil {
		if d.Timeout = time.Duration(*t.TimeoutMS) * time.Millisecond; *t.TimeoutMS < minTimeout.Milliseconds() || *t.TimeoutMS > maxTimeout.Milliseconds() {
			v.Add("timeout_ms", fault.InvalidValue, "must be between 100 and 30000")
		}
	}
	if t.Fields != nil {
		d.Fields = maps.Clone(*t.Fields)
	}
	if t.Static != nil {
		d.Static = maps.Clone(*t.Static)
	}
	d.checkMembers(v)
	d.applyHeaders(t, d.URL != "" && placeOf(d.URL) != placeOf(was), v)
	d.applyConfirm(t, mode == DeliveryConfirm, v)
	switch {
	case d.URL == "" && d.Email == "":
		return nil
	case d.URL == "":
		d.Secret, d.OldSecret, d.OldSecretUntil = nil, nil, time.Time{}
	case len(d.Secret) == 0:
		d.Secret = t.NewSecret
	}
	return &d
}

func (d *Delivery) applyAddress(t DeliveryTerms, v *fault.Violations) {
	if t.URL != nil {
		if d.URL = *t.URL; d.URL != "" {
			_, err := contact.ParseURL(d.URL)
			v.AddErr("url", err)
		}
	}
	if t.Email != nil {
		if d.Email = strings.TrimSpace(*t.Email); d.Email != "" {
			_, err := contact.ParseEmail(d.Email)
			v.AddErr("email", err)
		}
	}
	if d.URL != "" && d.Email != "" {
		v.Add("email", fault.InvalidValue, "must not be given beside url: a lead is delivered one way")
	}
}

// checkMembers looks at the members that are sent.
func (d *Delivery) checkMembers(v *fault.Violations) {
	many := false
	for of, members := range map[string]map[string]string{"fields": d.Fields, "static": d.Static} {
		if len(members) > maxMembers {
			v.Add(of, fault.InvalidValue, "must have at most 100 members")
			many = true
		}
	}
	if many {
		return
	}
	sent := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(d.Fields)) {
		checkMember(d.Format, "fields", name, v)
		if of, ok := SourceField(d.Fields[name]); ok {
			if sent[of]++; sent[of] > maxOfOne {
				v.Add("fields."+shownName(name), fault.Duplicate, "must not be a field of the lead that is sent three times already")
			}
		}
		if !knownSource(d.Fields[name]) {
			v.Add("fields."+shownName(name), fault.InvalidValue, "must be lead.fields.<name>, lead.<standard field> or one of "+strings.Join(DeliverySources(), ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Static)) {
		checkMember(d.Format, "static", name, v)
		if _, twice := d.Fields[name]; twice || len(d.Fields) == 0 && slices.Contains(DeliveryMembers(), name) {
			v.Add("static."+shownName(name), fault.Duplicate, "is sent already")
		}
		if value := d.Static[name]; utf8.RuneCountInString(value) > maxStatic || strings.ContainsFunc(value, notInXML) {
			v.Add("static."+shownName(name), fault.InvalidValue, "must be at most 1000 characters that can be read")
		}
	}
}

func checkMember(format DeliveryFormat, of, name string, v *fault.Violations) {
	switch {
	case name == "" || len(name) > maxMember || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		v.Add(of+"."+shownName(name), fault.InvalidValue, "must have a name of 1 to 128 characters that can be read")
	case format == DeliveryXML && !xmlName(name):
		v.Add(of+"."+shownName(name), fault.InvalidValue, "must have a name that XML allows: letters, digits, _, - and . that begin with a letter or _, and not with xml")
	}
}

// shownName is a member's name as an error can show it.
func shownName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, name)
	if utf8.RuneCountInString(name) > 64 {
		name = string([]rune(name)[:64]) + "…"
	}
	return name
}

// xmlName reports whether an element can have a name. XML allows more than these letters; receivers often do not.
func xmlName(name string) bool {
	for i, c := range name {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return name != "" && !strings.HasPrefix(strings.ToLower(name), "xml")
}

// notInXML reports whether a character cannot stand in XML, not even escaped.
func notInXML(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == utf8.RuneError || r >= 0xFFFE && r <= 0xFFFF
}

// DeliveryMembers returns the members of what is sent when no fields are named.
func DeliveryMembers() []string {
	return []string{"lead_id", "sale_id", "category", "price", "currency", "sold_at", "test", "fields"}
}

// What a member that is sent can be, beside lead.<standard field> and lead.fields.<name>.
const (
	SourceLeadID   = "lead.id"
	SourceCategory = "lead.category"
	SourceSaleID   = "sale.id"
	SourcePrice    = "sale.price"
	SourceCurrency = "sale.currency"
	SourceSoldAt   = "sale.sold_at"
	SourceTest     = "test"
	// SourceBidReference is what the buyer called its bid for the lead; empty where it made none.
	SourceBidReference = "sale.bid_reference"
)

// DeliverySources returns what a member that is sent can be, beside the fields of the lead.
func DeliverySources() []string {
	return []string{SourceLeadID, SourceCategory, SourceSaleID, SourcePrice, SourceCurrency, SourceSoldAt, SourceTest, SourceBidReference}
}

// SourceField returns the name of the lead's field that a source is; ok is false for one of DeliverySources.
func SourceField(source string) (name string, ok bool) {
	if name, ok := strings.CutPrefix(source, "lead.fields."); ok {
		return name, true
	}
	name, ok = strings.CutPrefix(source, "lead.")
	return name, ok && source != SourceLeadID && source != SourceCategory
}

func knownSource(source string) bool {
	name, isField := SourceField(source)
	switch {
	case !isField:
		return slices.Contains(DeliverySources(), source)
	case strings.HasPrefix(source, "lead.fields."):
		return name != "" && len(name) <= maxMember
	}
	return slices.ContainsFunc(field.RestoreRules(nil).All(), func(r field.Rule) bool { return r.Name == name })
}

// notKept says that the stored value of a header is not sent to another receiver.
const notKept = "must have its value again, or be left out of headers: url has another scheme, host, port or path"

// notOurs are headers that belong to the connection or to Leadmill.
var notOurs = []string{
	"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "expect", "accept-encoding", "idempotency-key", "user-agent", "date",
	"traceparent", "tracestate",
}

// placeOf is what a URL has in common with others whose receiver gets the same headers: scheme, host, port and path. On hosts that many share,
// another path is somebody else's.
func placeOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	scheme := strings.ToLower(u.Scheme)
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[scheme])
	return scheme + "://" + strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + port + cmp.Or(u.EscapedPath(), "/")
}

// applyHeaders applies what terms say about headers. Values that are stored never go to another place than they were given for: who may change a
// contract could read them there.
func (d *Delivery) applyHeaders(t DeliveryTerms, elsewhere bool, v *fault.Violations) {
	if t.Headers == nil {
		for _, h := range d.Headers {
			if elsewhere {
				v.Add("headers."+shownName(h.Name), fault.Required, notKept)
			}
		}
		return
	}
	stored := map[string][]byte{}
	for _, h := range d.Headers {
		stored[strings.ToLower(h.Name)] = h.Sealed
	}
	d.Headers = nil
	if len(*t.Headers) > maxHeaders {
		v.Add("headers", fault.InvalidValue, "must be at most 20")
		return
	}
	for _, h := range *t.Headers {
		name := strings.ToLower(h.Name)
		at := "headers." + shownName(h.Name)
		switch {
		case !headerName(h.Name):
			v.Add(at, fault.InvalidValue, "must have the name of a header")
		case slices.Contains(notOurs, name), strings.HasPrefix(name, "content-"), strings.HasPrefix(name, "proxy-"), strings.HasPrefix(name, "webhook-"):
			v.Add(at, fault.InvalidValue, "is a header that Leadmill sets or that belongs to the connection")
		case slices.ContainsFunc(d.Headers, func(o DeliveryHeader) bool { return strings.EqualFold(o.Name, h.Name) }):
			v.Add(at, fault.Duplicate, "is given twice")
		case h.Value == nil && stored[name] == nil:
			v.Add(at, fault.Required, "must have a value: none is stored that it could keep")
		case h.Value == nil && elsewhere:
			v.Add(at, fault.Required, notKept)
		case h.Value != nil && !headerValue(*h.Value):
			v.Add(at, fault.InvalidValue, "must have a value of 1 to 2000 visible ASCII characters and spaces")
		case h.Value == nil:
			d.Headers = append(d.Headers, DeliveryHeader{h.Name, stored[name]})
		default:
			d.Headers = append(d.Headers, DeliveryHeader{h.Name, h.Sealed})
		}
	}
	slices.SortFunc(d.Headers, func(a, b DeliveryHeader) int { return strings.Compare(a.Name, b.Name) })
}

func headerName(s string) bool {
	for _, c := range s {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c) {
			return false
		}
	}
	return s != "" && len(s) <= maxMember
}

func headerValue(s string) bool {
	for _, c := range s {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return s == strings.TrimSpace(s) && s != "" && len(s) <= maxHeaderValue
}

// RotateSecret gives a contract a new secret, sealed. The one before signs beside it for OldSecretLasts, and the one before that no more. Errors: ErrContractNotFound, ErrArchived,
// ErrNoSecret.
func (c *Campaign) RotateSecret(id string, sealed []byte, now time.Time) error {
	i := c.contractIndex(id)
	switch {
	case i < 0:
		return ErrContractNotFound
	case c.s.Status == StatusArchived:
		return ErrArchived
	case c.s.Contracts[i].Delivery == nil || len(c.s.Contracts[i].Delivery.Secret) == 0:
		return ErrNoSecret
	}
	k := c.s.Contracts[i]
	d := *k.Delivery
	d.OldSecret, d.OldSecretUntil, d.Secret = d.Secret, now.Add(OldSecretLasts), sealed
	k.Delivery, k.UpdatedAt = &d, now
	c.replace(i, k, now)
	c.Record(ContractUpdated{CampaignID: c.s.ID, ContractID: id, BuyerID: k.BuyerID, Price: k.Price, At: now})
	return nil
}
