package market

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/leadrow"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/suppression"
)

// suppressedLate is by how much a sale may be younger than a suppression that it does not heed: both were under way at the same time, on
// instances whose clocks differ.
const suppressedLate = time.Minute

var suppressionRules = []audit.Rule{
	{
		Invariant: "I6", Name: "suppression_holds_no_value", Description: "What is shown of a suppressed phone or email is masked.",
		Query: `SELECT t.id AS id, 'masked' AS want, 'a value' AS got FROM suppressions t
			WHERE {range} AND t.kind <> 'domain' AND t.masked <> '' AND INSTR(t.masked, '***') = 0`,
	},
}

var consentRules = []audit.Rule{
	{
		Invariant: "I6", Name: "consent_is_with_lead", Description: "A lead that was not erased has the consent fields that it came with.",
		Query: consentQuery(),
	},
}

// consentQuery looks for the names of fields as JSON has them.
func consentQuery() string {
	var missing []string
	for _, name := range field.ConsentNames() {
		missing = append(missing, "(INSTR(CONCAT(' ', t.given, ' '), ' "+name+" ') > 0 AND INSTR(l.fields, '\""+name+"\":') = 0)")
	}
	return "SELECT t.lead_id AS id, t.given AS want, 'less' AS got FROM lead_consents t JOIN leads l ON l.seller_id = t.seller_id AND l.id = t.lead_id " +
		"WHERE {range} AND l.erased_at = 0 AND (" + strings.Join(missing, " OR ") + ")"
}

// reportKept is for how long after its end a job surely has its report: a day less than it is kept, because clocks differ and it goes in steps.
const reportKept = 29 * 24 * time.Hour

var jobRules = []audit.Rule{
	audit.Readable("seller_jobs", "id", audit.Column{Name: "errors", Of: "["}),
	{
		Invariant: "I6", Name: "job_is_within_total", Description: "A job did no more lines than it has, and failed at no more than it did.",
		Query: `SELECT t.id AS id, 'within its total' AS want, CONCAT(t.done, ' of ', t.total, ', ', t.failed, ' failed') AS got FROM seller_jobs t
			WHERE {range} AND (t.done > t.total OR t.failed > t.done OR (t.state = 'done' AND t.done <> t.total))`,
	},
	{
		Invariant: "I6", Name: "job_tells_what_it_did", Description: "An import of leads tells of each line that is done, until its report is due to go.",
		Query: `SELECT t.id AS id, t.done AS want, IFNULL((SELECT SUM(r.told) FROM seller_job_results r WHERE r.seller_id = t.seller_id AND r.job_id = t.id), 0) AS got
			FROM seller_jobs t WHERE {range} AND t.kind = '` + string(market.SellerJobLeads) + `'
			AND (t.state NOT IN ('done', 'failed') OR t.finished_at > {now} - ` + strconv.FormatInt(reportKept.Microseconds(), 10) + `)`,
	},
}

var pieceRules = []audit.Rule{
	{
		Invariant: "I6", Name: "ended_job_holds_nothing", Description: "Nothing is kept of what was uploaded for a job that ended, or of the parts of it that are done.",
		Query: `SELECT t.job_id AS id, 'nothing' AS want, CONCAT('piece ', t.number) AS got FROM seller_job_pieces t JOIN seller_jobs j ON j.seller_id = t.seller_id AND j.id = t.job_id
			WHERE {range} AND (j.state IN ('done', 'failed') OR t.number < j.step)`,
	},
}

var resultRules = []audit.Rule{
	{
		Invariant: "I6", Name: "job_tells_of_what_is_done", Description: "A job tells of parts of it that are done, and only an import of leads tells of any.",
		Query: `SELECT t.job_id AS id, CONCAT(j.step, ' parts of leads') AS want, CONCAT('part ', t.number, ' of ', j.kind) AS got
			FROM seller_job_results t JOIN seller_jobs j ON j.seller_id = t.seller_id AND j.id = t.job_id
			WHERE {range} AND (t.number >= j.step OR j.kind <> '` + string(market.SellerJobLeads) + `')`,
	},
}

// coveringEmail returns an email and all domains above it that can be suppressed.
func coveringEmail(key string) (values []suppression.Value) {
	add := func(kind suppression.Kind, value string) {
		if v, err := suppression.Parse(string(kind), value); err == nil {
			values = append(values, v)
		}
	}
	add(suppression.Email, key)
	_, domain, more := strings.Cut(key, "@")
	for ; more; _, domain, more = strings.Cut(domain, ".") {
		add(suppression.Domain, domain)
	}
	return values
}

var suppressedSales = audit.Rule{
	Invariant: "I3", Name: "suppressed_lead_is_not_sold", Description: "No lead was sold whose phone, email or domain its seller suppressed before.",
	Run: readSuppressed,
}

// readSuppressed looks at the phone and the email that every campaign has, of sales by sellers who suppress somebody.
func readSuppressed(ctx context.Context, c *audit.Chunk) error {
	type sale struct {
		id   string
		sold int64
		keys []market.SuppressionKey
	}
	of := map[string][]sale{} // by seller
	var seller, id string
	var sold int64
	var raw sql.RawBytes
	err := c.Rows(ctx, `SELECT t.seller_id, t.id, t.sold_at, l.fields FROM sales t JOIN leads l ON l.seller_id = t.seller_id AND l.id = t.lead_id
			WHERE {range} AND l.erased_at = 0 AND EXISTS (SELECT 1 FROM suppressions s WHERE s.seller_id = t.seller_id)`, func(rows *sqlx.Rows) error {
		if err := rows.Scan(&seller, &id, &sold, &raw); err != nil {
			return err
		}
		fields, err := leadrow.DecodeFields(raw)
		if err != nil { // reported by the rule about what can be read
			return nil //nolint:nilerr // another rule says it
		}
		var values []suppression.Value
		if p, err := contact.RestorePhone(fields.Text(field.Phone)); err == nil {
			values = suppression.OfPhone(p.Key())
		}
		if e, err := contact.ParseEmail(fields.Text(field.EmailName)); err == nil {
			values = append(values, coveringEmail(e.Key())...)
		}
		s := sale{id: id, sold: sold}
		for _, v := range values {
			s.keys = append(s.keys, market.NewSuppressionKey(seller, v))
		}
		of[seller] = append(of[seller], s)
		return nil
	})
	if err != nil {
		return err
	}
	for seller, sales := range of {
		for some := range slices.Chunk(sales, 500) {
			query, args := "", []any{seller}
			for _, s := range some {
				for i := range s.keys {
					query, args = query+",?", append(args, s.keys[i][:])
				}
			}
			if len(args) == 1 {
				continue
			}
			since := map[market.SuppressionKey]int64{}
			var hash sql.RawBytes
			var at int64
			if err := c.Query(ctx, "SELECT hash, created_at FROM suppressions WHERE seller_id = ? AND hash IN ("+query[1:]+")", args, func(rows *sqlx.Rows) error {
				if err := rows.Scan(&hash, &at); err != nil {
					return err
				}
				if len(hash) == sha256.Size {
					since[market.SuppressionKey(hash)] = at
				}
				return nil
			}); err != nil {
				return err
			}
			c.Looked(len(some))
			for _, s := range some {
				if slices.ContainsFunc(s.keys, func(key market.SuppressionKey) bool {
					at, suppressed := since[key]
					return suppressed && s.sold > at+suppressedLate.Microseconds()
				}) {
					c.Breach(s.id, "not sold", "sold")
				}
			}
		}
	}
	return nil
}
