package markethttp

import (
	"bytes"
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// PostingSpecHandlers are the queries that the routes of posting specifications call.
type PostingSpecHandlers struct {
	PostingSpecs      bus.Handler[marketquery.PostingSpecs, []marketquery.PostingSpec]
	PostingSpecByID   bus.Handler[marketquery.PostingSpecByID, marketquery.PostingSpec]
	PostingSpecByLink bus.Handler[marketquery.PostingSpecByLink, marketquery.PostingSpec]
	SpecLink          bus.Handler[marketquery.SpecLink, marketquery.SpecToken]
}

func (h Handlers) postingSpecRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: "/api/campaigns", Needs: application.Supplier, Handle: h.listPostingSpecs},
		{Method: http.MethodGet, Path: "/api/campaigns/:id", Needs: application.Supplier, Handle: h.getPostingSpec},
		{Method: http.MethodGet, Path: "/v1/campaigns/:id/specification-link", Needs: application.Program, Handle: httpport.Parameters{}.Reading(h.getSpecLink)},
		{Method: http.MethodGet, Path: "/docs/campaigns/:id/:token", Needs: application.Visitor, Handle: h.showPostingSpec},
	}
}

// withoutParameters refuses parameters in the form of the supplier API, and reports whether there are none.
func withoutParameters(k *httpport.Call) bool {
	var v fault.Violations
	for name := range k.StrictQuery(&v) {
		if httpport.IsKeyName(name) {
			k.FailMisplacedKey()
			return false
		}
	}
	if wrong := fault.As(v.Err()).Violated(); len(wrong) > 0 {
		k.Fail(field.ErrInvalid.With(wrong...))
		return false
	}
	return true
}

func showSpec(s marketquery.PostingSpec) PostingSpec {
	out := PostingSpec{Id: s.ID, Name: s.Name, Category: s.Category, PriceShown: s.PriceShown, Fields: make([]PostingField, len(s.Fields))}
	for i, f := range s.Fields {
		out.Fields[i] = PostingField{Name: f.Name, Type: string(f.Type), Required: f.Required}
		if len(f.Options) > 0 {
			out.Fields[i].Options = &s.Fields[i].Options
		}
	}
	return out
}

func (h Handlers) listPostingSpecs(k *httpport.Call) {
	if !withoutParameters(k) {
		return
	}
	specs, err := h.PostingSpecs.Handle(k.Context(), marketquery.PostingSpecs{Actor: k.Actor()})
	if err != nil {
		k.Fail(err)
		return
	}
	k.JSON(http.StatusOK, httpport.Encode(PostingSpecList{Success: true, Seller: k.Actor().SellerCode, Campaigns: httpport.Each(showSpec)(specs)}))
}

func (h Handlers) getPostingSpec(k *httpport.Call) {
	if !withoutParameters(k) {
		return
	}
	page := k.Prefers(httpport.TypeJSON, httpport.TypeHTML) == httpport.TypeHTML
	spec, err := h.PostingSpecByID.Handle(k.Context(), marketquery.PostingSpecByID{Actor: k.Actor(), ID: k.Param("id")})
	switch {
	case err != nil:
		k.Fail(err)
	case page:
		specPage(k, spec)
	default:
		k.JSON(http.StatusOK, httpport.Encode(PostingSpecAnswer{Success: true, Seller: k.Actor().SellerCode, Campaign: showSpec(spec)}))
	}
}

func (h Handlers) getSpecLink(k *httpport.Call) {
	id := k.Param("id")
	httpport.Ask(k, h.SpecLink, marketquery.SpecLink{Actor: k.Actor(), CampaignID: id}, func(t marketquery.SpecToken) SpecificationLink {
		return SpecificationLink{Url: k.Base() + "/docs/campaigns/" + id + "/" + t.Token, ExpiresAt: Timestamp(t.ExpiresAt)}
	})
}

func (h Handlers) showPostingSpec(k *httpport.Call) {
	spec, err := h.PostingSpecByLink.Handle(k.Context(), marketquery.PostingSpecByLink{CampaignID: k.Param("id"), Token: k.Param("token")})
	if err != nil {
		k.Fail(err)
		return
	}
	specPage(k, spec)
}

//go:embed posting_spec.html
var specText string

//go:embed posting_spec.css
var specStyle string

var specTemplate = template.Must(template.New("specification").Parse(specText))

type specField struct {
	field.Rule

	Note string
}

type specMapped struct{ From, To string }

// fieldNotes say what values of a type are read.
var fieldNotes = map[field.Type]string{
	field.TypeString: "one line, up to 255 characters", field.TypeText: "up to 5,000 characters", field.TypePhone: "7 to 15 digits, with or without a country code",
	field.TypeUSState: "code or name of a US state", field.TypeZip: "5 digits, or 9", field.TypeDate: "such as 2026-01-31", field.TypeBoolean: "true or false",
	field.TypeInteger: "a whole number", field.TypeNumber: "a number of at most 19 digits", field.TypeEmail: "an email address", field.TypeURL: "an address that begins with https:// or http://",
}

// fieldExamples are values that the types take.
var fieldExamples = map[field.Type]any{
	field.TypeString: "example", field.TypeText: "An example.", field.TypePhone: "555-123-4567", field.TypeUSState: "TX", field.TypeZip: "75001", field.TypeDate: "2026-01-31",
	field.TypeBoolean: true, field.TypeInteger: 1, field.TypeNumber: 1.5, field.TypeEmail: "john.doe@email.com", field.TypeURL: "https://www.example.com/",
}

// namedExamples are values of standard fields.
var namedExamples = map[string]string{field.FirstName: "John", field.LastName: "Doe", field.City: "Dallas"}

// consentFields say what proofs of consent are, and show one that is taken.
var consentFields = map[string]struct{ note, example string }{
	field.TrustedForm: {"the certificate's address", "https://cert.trustedform.com/0123456789abcdef0123456789abcdef01234567"},
	field.Jornaya:     {"a LeadiD, which is a UUID", "01234567-89AB-CDEF-0123-456789ABCDEF"},
	field.ConsentText: {"what the person agreed to", "I agree to be called."},
	field.ConsentAt:   {"when, in RFC 3339", "2026-01-31T09:00:00Z"},
	field.IPAddress:   {"from where: IPv4 or IPv6", "203.0.113.7"},
}

// exampleOf returns a request that the campaign takes as a test lead, as a command line.
func exampleOf(url string, s marketquery.PostingSpec) string {
	b := []byte(`{"seller":`)
	b = append(httpport.AppendString(b, s.SellerCode), `,"category":`...)
	b = httpport.AppendString(b, s.Category)
	for _, f := range s.Fields {
		var value any
		name, named := namedExamples[f.Name]
		switch consent, proves := consentFields[f.Name]; {
		case proves:
			value = consent.example
		case len(f.Options) > 0:
			value = f.Options[0]
		case named && f.Type == field.TypeString:
			value = name
		default:
			value = fieldExamples[f.Type]
		}
		b = append(b, ',')
		b = append(httpport.AppendString(b, f.Name), ':')
		b = append(b, httpport.Encode(value)...)
	}
	b = append(b, `,"test":true}`...)
	return "curl " + url + " \\\n  -H 'Authorization: Bearer YOUR_API_KEY' \\\n  -H 'Content-Type: application/json' \\\n  -d '" + strings.ReplaceAll(string(b), "'", `'\''`) + "'"
}

// specPage answers the page of a posting specification, which is made of the campaign as it is now.
func specPage(k *httpport.Call, s marketquery.PostingSpec) {
	base := k.Base()
	if base == "" {
		base = "https://" + k.Request().Host
	}
	url := base + "/api/leads"
	content := struct {
		marketquery.PostingSpec

		Style                       template.CSS
		URL, Example, Price, Dedupe string
		DedupeDays                  string
		Fields                      []specField
		Mapped                      []specMapped
	}{PostingSpec: s, Style: template.CSS(specStyle), URL: url, Example: exampleOf(url, s)} //nolint:gosec // ours
	switch s.PriceShown {
	case "payout":
		content.Price = "what you earn for it"
	case "sale":
		content.Price = "what it was sold for"
	}
	if len(s.DedupeFields) > 0 {
		joined := " or "
		if s.DedupeMatch == "all" {
			joined = " and "
		}
		content.Dedupe, content.DedupeDays = strings.Join(s.DedupeFields, joined), strconv.Itoa(s.DedupeWindowDays)
	}
	for _, f := range s.Fields {
		note := fieldNotes[f.Type]
		if consent, proves := consentFields[f.Name]; proves {
			note = consent.note
		}
		content.Fields = append(content.Fields, specField{f, note})
	}
	for _, from := range slices.Sorted(maps.Keys(s.FieldMap)) {
		content.Mapped = append(content.Mapped, specMapped{from, s.FieldMap[from]})
	}
	var b bytes.Buffer
	if err := specTemplate.Execute(&b, content); err != nil {
		k.Fail(err)
		return
	}
	header := k.Writer().Header()
	header.Set("Content-Security-Policy", pagePolicy(specStyle))
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Robots-Tag", "noindex")
	k.Send(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
}
