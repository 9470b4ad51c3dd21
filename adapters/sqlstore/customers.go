package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/customer"
)

type customers struct{ t *tx }

const customerColumns = "id, seller_id, customer_key, key_hash, email, email_key, name, surname, tags, status, partner_id, referral_key, " +
	"policy, attributed_at, touched_at, created_at, updated_at, deleted_at, version"

type customerRow struct {
	ID           string `db:"id"`
	SellerID     string `db:"seller_id"`
	Key          string `db:"customer_key"`
	KeyHash      []byte `db:"key_hash"`
	Email        string `db:"email"`
	EmailKey     string `db:"email_key"`
	Name         string `db:"name"`
	Surname      string `db:"surname"`
	Tags         string `db:"tags"`
	Status       string `db:"status"`
	PartnerID    string `db:"partner_id"`
	ReferralKey  string `db:"referral_key"`
	Policy       string `db:"policy"`
	AttributedAt int64  `db:"attributed_at"`
	TouchedAt    int64  `db:"touched_at"`
	CreatedAt    int64  `db:"created_at"`
	UpdatedAt    int64  `db:"updated_at"`
	DeletedAt    int64  `db:"deleted_at"`
	Version      int64  `db:"version"`
}

func (r customerRow) restore() (*customer.Customer, error) {
	var tags []string
	if err := json.Unmarshal([]byte(r.Tags), &tags); err != nil {
		return nil, fmt.Errorf("restore the tags of customer %s: %w", r.ID, err)
	}
	return customer.FromSnapshot(customer.Snapshot{SellerID: r.SellerID, ID: r.ID, Key: r.Key, Email: r.Email, EmailKey: r.EmailKey,
		Name: r.Name, Surname: r.Surname, Tags: tags, Status: customer.Status(r.Status),
		Attribution: customer.Attribution{PartnerID: r.PartnerID, ReferralKey: r.ReferralKey, Policy: r.Policy, At: timeOf(r.AttributedAt),
			TouchedAt: timeOf(r.TouchedAt)},
		CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt), DeletedAt: timeOf(r.DeletedAt), Version: r.Version}), nil
}

// customerKeyHash is what makes a key unique: MySQL's collations ignore trailing spaces, keys do not. A deleted customer has
// no key.
func customerKeyHash(n customer.Snapshot) any {
	if n.Status == customer.StatusDeleted {
		return nil
	}
	hash := sha256.Sum256([]byte(n.Key))
	return hash[:]
}

// Add implements application.CustomerRepository.
func (r customers) Add(ctx context.Context, c *customer.Customer) error {
	n := c.Snapshot()
	tags, err := encodeTags(n.Tags)
	if err != nil {
		return r.t.refuse(err)
	}
	taken, err := r.t.insert(ctx, "customers", "INSERT INTO customers ("+customerColumns+") VALUES ("+marks(19)+")", n.ID, n.SellerID, n.Key,
		customerKeyHash(n), n.Email, n.EmailKey, n.Name, n.Surname, tags, string(n.Status), n.Attribution.PartnerID, n.Attribution.ReferralKey,
		n.Attribution.Policy, micros(n.Attribution.At), micros(n.Attribution.TouchedAt), micros(n.CreatedAt), micros(n.UpdatedAt), micros(n.DeletedAt), n.Version)
	return r.stored(ctx, c, n, taken, err)
}

// Save implements application.CustomerRepository.
func (r customers) Save(ctx context.Context, c *customer.Customer) error {
	n := c.Snapshot()
	tags, err := encodeTags(n.Tags)
	if err != nil {
		return r.t.refuse(err)
	}
	taken, matched, err := r.t.update(ctx, "customers", "UPDATE customers SET customer_key = ?, key_hash = ?, email = ?, email_key = ?, name = ?, "+
		"surname = ?, tags = ?, status = ?, partner_id = ?, referral_key = ?, policy = ?, attributed_at = ?, touched_at = ?, updated_at = ?, "+
		"deleted_at = ?, version = ? WHERE id = ? AND version = ?", n.Key, customerKeyHash(n), n.Email, n.EmailKey, n.Name, n.Surname, tags, string(n.Status),
		n.Attribution.PartnerID, n.Attribution.ReferralKey, n.Attribution.Policy, micros(n.Attribution.At),
		micros(n.Attribution.TouchedAt), micros(n.UpdatedAt), micros(n.DeletedAt), n.Version, n.ID, c.StoredVersion())
	if err == nil && taken == "" && matched != 1 {
		return application.ErrConcurrentChange
	}
	return r.stored(ctx, c, n, taken, err)
}

func (r customers) stored(ctx context.Context, c *customer.Customer, n customer.Snapshot, taken string, err error) error {
	switch {
	case err != nil:
		return err
	case taken == "customers_key":
		return customer.ErrKeyTaken
	case taken != "":
		return r.t.unexpected("customers", taken)
	}
	r.t.save(c, "customer", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// Lock implements application.CustomerRepository. The row is locked by its id alone, and then looked at again: it may have
// lost its key or email meanwhile.
func (r customers) Lock(ctx context.Context, sellerID string, h application.CustomerHandle) (*customer.Customer, error) {
	c, err := customerLookup{r.t.get, r.t.s.db.ForUpdate()}.find(ctx, sellerID, h)
	if errors.Is(err, errLostRace) {
		return nil, r.t.lostRace()
	}
	return c, err
}

// findCustomer finds a customer by its first handle given, inside or outside of a transaction, without locking it.
func findCustomer(ctx context.Context, sellerID string, h application.CustomerHandle, get getter) (*customer.Customer, error) {
	c, err := customerLookup{get, ""}.find(ctx, sellerID, h)
	if errors.Is(err, errLostRace) {
		return nil, customer.ErrNotFound
	}
	return c, err
}

// getter reads one row into a struct with db tags; found is false when there is none.
type getter = func(ctx context.Context, into any, statement string, args ...any) (found bool, err error)

// customerLookup finds customers, inside or outside of a transaction.
type customerLookup struct {
	get  getter
	lock string
}

// find returns the customer of a handle: customer.ErrNotFound, errLostRace when the handle was given up meanwhile.
func (l customerLookup) find(ctx context.Context, sellerID string, h application.CustomerHandle) (*customer.Customer, error) {
	tries := []func(ctx context.Context, sellerID, value string) (*customer.Customer, error){l.byKey, l.byID, l.byEmail}
	value := h.Any
	switch {
	case h.Any != "":
	case h.Key != "":
		value, tries = h.Key, tries[:1]
	case h.ID != "":
		value, tries = h.ID, tries[1:2]
	default:
		value, tries = h.Email, tries[2:]
	}
	for _, try := range tries {
		if c, err := try(ctx, sellerID, value); !errors.Is(err, customer.ErrNotFound) {
			return c, err
		}
	}
	return nil, customer.ErrNotFound
}

func (l customerLookup) byKey(ctx context.Context, sellerID, key string) (*customer.Customer, error) {
	hash := sha256.Sum256([]byte(key))
	return l.by(ctx, sellerID, "SELECT id FROM customers WHERE seller_id = ? AND key_hash = ?", hash[:],
		func(n customer.Snapshot) bool { return n.Key == key })
}

// byEmail returns the newest of those that have an email: ids sort by the time they were made.
func (l customerLookup) byEmail(ctx context.Context, sellerID, text string) (*customer.Customer, error) {
	email, err := contact.ParseEmail(text)
	if err != nil {
		return nil, customer.ErrNotFound
	}
	return l.by(ctx, sellerID, "SELECT id FROM customers WHERE seller_id = ? AND email_key = ? ORDER BY id DESC LIMIT 1", email.Key(),
		func(n customer.Snapshot) bool { return n.EmailKey == email.Key() })
}

// by finds an id by a statement and then the customer, of which still must be true what the statement asked for.
func (l customerLookup) by(ctx context.Context, sellerID, statement string, value any, still func(customer.Snapshot) bool) (*customer.Customer, error) {
	var row struct {
		ID string `db:"id"`
	}
	found, err := l.get(ctx, &row, statement, sellerID, value)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, customer.ErrNotFound
	}
	c, err := l.byID(ctx, sellerID, row.ID)
	switch {
	case errors.Is(err, customer.ErrNotFound), err == nil && !still(c.Snapshot()):
		return nil, errLostRace
	case err != nil:
		return nil, err
	}
	return c, nil
}

func (l customerLookup) byID(ctx context.Context, sellerID, id string) (*customer.Customer, error) {
	if !isID(id) {
		return nil, customer.ErrNotFound
	}
	var row customerRow
	found, err := l.get(ctx, &row, "SELECT "+customerColumns+" FROM customers WHERE id = ? AND seller_id = ?"+l.lock, id, sellerID)
	if err != nil {
		return nil, err
	}
	if !found || row.ID != id || row.SellerID != sellerID || row.Status == string(customer.StatusDeleted) {
		return nil, customer.ErrNotFound
	}
	return row.restore()
}

// isID reports whether a text can be an id at all: to compare any other text, MySQL would convert the column and read the
// whole table.
func isID(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
