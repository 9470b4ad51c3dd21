package program

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/customer"
)

type customers struct{ t *engine.Tx }

const customerColumns = "id, seller_id, customer_key, key_hash, email, email_key, email_hash, name, surname, tags, status, partner_id, referral_key, " +
	"policy, attributed_at, touched_at, created_at, updated_at, deleted_at, version"

type customerRow struct {
	ID           string `db:"id"`
	SellerID     string `db:"seller_id"`
	Key          string `db:"customer_key"`
	KeyHash      []byte `db:"key_hash"`
	Email        string `db:"email"`
	EmailKey     string `db:"email_key"`
	EmailHash    []byte `db:"email_hash"`
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
	tags, err := r.tags()
	if err != nil {
		return nil, err
	}
	return customer.FromSnapshot(customer.Snapshot{
		SellerID: r.SellerID, ID: r.ID, Key: r.Key, Email: r.Email, EmailKey: r.EmailKey, EmailHeld: r.EmailHash != nil,
		Name: r.Name, Surname: r.Surname, Tags: tags, Status: customer.Status(r.Status),
		Attribution: customer.Attribution{
			PartnerID: r.PartnerID, ReferralKey: r.ReferralKey, Policy: r.Policy, At: engine.Time(r.AttributedAt),
			TouchedAt: engine.Time(r.TouchedAt),
		},
		CreatedAt: engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt), DeletedAt: engine.Time(r.DeletedAt), Version: r.Version,
	}), nil
}

// tags reads what encodeTags wrote.
func (r customerRow) tags() (tags []string, err error) {
	if err := json.Unmarshal([]byte(r.Tags), &tags); err != nil {
		return nil, fmt.Errorf("restore the tags of customer %s: %w", r.ID, err)
	}
	return tags, nil
}

// formerColumns are those of a former attribution behind the ids that name the customer.
const formerColumns = "version, partner_id, referral_key, policy, attributed_at, touched_at, until_at"

// customerKeyHash is what makes a key unique: MySQL's collations ignore trailing spaces, keys do not. A deleted customer has
// no key.
func customerKeyHash(n customer.Snapshot) any {
	if n.Status == customer.StatusDeleted {
		return nil
	}
	hash := sha256.Sum256([]byte(n.Key))
	return hash[:]
}

// customerEmailHash is what makes an email unique among the customers that hold theirs.
func customerEmailHash(n customer.Snapshot) any {
	if !n.EmailHeld {
		return nil
	}
	hash := sha256.Sum256([]byte(n.EmailKey))
	return hash[:]
}

// Add implements application.CustomerRepository.
func (r customers) Add(ctx context.Context, c *customer.Customer) error {
	n := c.Snapshot()
	tags, err := encodeTags(n.Tags)
	if err != nil {
		return r.t.Refuse(err)
	}
	taken, err := r.t.Insert(ctx, "customers", "INSERT INTO customers ("+customerColumns+") VALUES ("+engine.Marks(20)+")", n.ID, n.SellerID, n.Key,
		customerKeyHash(n), n.Email, n.EmailKey, customerEmailHash(n), n.Name, n.Surname, tags, string(n.Status), n.Attribution.PartnerID, n.Attribution.ReferralKey,
		n.Attribution.Policy, engine.Micros(n.Attribution.At), engine.Micros(n.Attribution.TouchedAt), engine.Micros(n.CreatedAt), engine.Micros(n.UpdatedAt), engine.Micros(n.DeletedAt), n.Version)
	return r.stored(ctx, c, n, taken, err)
}

// Save implements application.CustomerRepository.
func (r customers) Save(ctx context.Context, c *customer.Customer) error {
	n := c.Snapshot()
	tags, err := encodeTags(n.Tags)
	if err != nil {
		return r.t.Refuse(err)
	}
	taken, matched, err := r.t.Update(ctx, "customers", "UPDATE customers SET customer_key = ?, key_hash = ?, email = ?, email_key = ?, email_hash = ?, name = ?, "+
		"surname = ?, tags = ?, status = ?, partner_id = ?, referral_key = ?, policy = ?, attributed_at = ?, touched_at = ?, updated_at = ?, "+
		"deleted_at = ?, version = ? WHERE seller_id = ? AND id = ? AND version = ?", n.Key, customerKeyHash(n), n.Email, n.EmailKey, customerEmailHash(n), n.Name, n.Surname, tags, string(n.Status),
		n.Attribution.PartnerID, n.Attribution.ReferralKey, n.Attribution.Policy, engine.Micros(n.Attribution.At),
		engine.Micros(n.Attribution.TouchedAt), engine.Micros(n.UpdatedAt), engine.Micros(n.DeletedAt), n.Version, n.SellerID, n.ID, c.StoredVersion())
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
	case taken == "customers_one_email":
		return customer.ErrEmailTaken
	case taken != "":
		return r.t.Unexpected("customers", taken)
	}
	if err := r.keepFormer(ctx, c); err != nil {
		return err
	}
	r.t.Save(c, "customer", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// keepFormer stores whose customer it was before.
func (r customers) keepFormer(ctx context.Context, c *customer.Customer) error {
	former := c.Former()
	if len(former) == 0 {
		return nil
	}
	_, err := r.t.InsertRows(ctx, "customer_attributions", "seller_id, customer_id, "+formerColumns, len(former), func(args []any, i int) ([]any, error) {
		f := former[i]
		return append(args, c.SellerID(), c.ID(), f.Version, f.PartnerID, f.ReferralKey, f.Policy, engine.Micros(f.At), engine.Micros(f.TouchedAt), engine.Micros(f.Until)), nil
	})
	return err
}

// Taken implements application.CustomerRepository.
func (r customers) Taken(ctx context.Context, c *customer.Customer) (key, email bool, err error) {
	n := c.Snapshot()
	has := func(column string, value any) (bool, error) {
		var other struct {
			ID string `db:"id"`
		}
		return r.t.Get(ctx, &other, "SELECT id FROM customers WHERE seller_id = ? AND "+column+" = ? AND id <> ? LIMIT 1", n.SellerID, value, n.ID)
	}
	if key, err = has("key_hash", customerKeyHash(n)); err != nil || n.EmailKey == "" {
		return key, false, err
	}
	email, err = has("email_key", n.EmailKey)
	return key, email, err
}

// Lock implements application.CustomerRepository. The row is locked by its id alone, and then looked at again: the
// customer may have lost its key or email between finding its id and locking the row.
func (r customers) Lock(ctx context.Context, sellerID string, h application.CustomerHandle) (*customer.Customer, error) {
	row, err := customerLookup{r.t, r.t.ForUpdate()}.find(ctx, sellerID, h)
	if errors.Is(err, engine.ErrLostRace) {
		return nil, r.t.LostRace()
	}
	if err != nil {
		return nil, err
	}
	return row.restore()
}

// findCustomer finds a customer by its first handle given, without locking it: customer.ErrNotFound.
func findCustomer(ctx context.Context, from engine.Source, sellerID string, h application.CustomerHandle) (customerRow, error) {
	row, err := customerLookup{from, ""}.find(ctx, sellerID, h)
	if errors.Is(err, engine.ErrLostRace) {
		return customerRow{}, customer.ErrNotFound
	}
	return row, err
}

// customerLookup finds the rows of customers, inside or outside of a transaction. lock is appended to the statement that reads
// the row.
type customerLookup struct {
	from engine.Source
	lock string
}

// find returns the customer of a handle: customer.ErrNotFound, engine.ErrLostRace when the handle was given up meanwhile.
func (l customerLookup) find(ctx context.Context, sellerID string, h application.CustomerHandle) (customerRow, error) {
	tries := []func(ctx context.Context, sellerID, value string) (customerRow, error){l.byKey, l.byID, l.byEmail}
	value := h.Any
	switch {
	case h.Any != "":
	case h.Key != "":
		value, tries = h.Key, tries[:1]
	case h.ID != "":
		value, tries = h.ID, []func(ctx context.Context, sellerID, value string) (customerRow, error){l.byID, l.byKey}
	default:
		value, tries = h.Email, tries[2:]
	}
	for _, try := range tries {
		if row, err := try(ctx, sellerID, value); !errors.Is(err, customer.ErrNotFound) {
			return row, err
		}
	}
	return customerRow{}, customer.ErrNotFound
}

func (l customerLookup) byKey(ctx context.Context, sellerID, key string) (customerRow, error) {
	hash := sha256.Sum256([]byte(key))
	return l.by(ctx, sellerID, "SELECT id FROM customers WHERE seller_id = ? AND key_hash = ?", hash[:],
		func(row customerRow) bool { return row.Key == key })
}

// byEmail returns the newest of those that have an email: ids sort by the time they were made.
func (l customerLookup) byEmail(ctx context.Context, sellerID, text string) (customerRow, error) {
	email, err := contact.ParseEmail(text)
	if err != nil {
		return customerRow{}, customer.ErrNotFound
	}
	return l.by(ctx, sellerID, "SELECT id FROM customers WHERE seller_id = ? AND email_key = ? ORDER BY id DESC LIMIT 1", email.Key(),
		func(row customerRow) bool { return row.EmailKey == email.Key() })
}

// by finds an id by a statement and then reads the row of that customer. What the statement asked for must still be true of it.
func (l customerLookup) by(ctx context.Context, sellerID, statement string, value any, still func(customerRow) bool) (customerRow, error) {
	var of struct {
		ID string `db:"id"`
	}
	found, err := l.from.Get(ctx, &of, statement, sellerID, value)
	if err != nil {
		return customerRow{}, err
	}
	if !found {
		return customerRow{}, customer.ErrNotFound
	}
	row, err := l.byID(ctx, sellerID, of.ID)
	switch {
	case errors.Is(err, customer.ErrNotFound), err == nil && !still(row):
		return customerRow{}, engine.ErrLostRace
	case err != nil:
		return customerRow{}, err
	}
	return row, nil
}

func (l customerLookup) byID(ctx context.Context, sellerID, id string) (customerRow, error) {
	if !engine.IsID(id) {
		return customerRow{}, customer.ErrNotFound
	}
	var row customerRow
	found, err := l.from.Get(ctx, &row, "SELECT "+customerColumns+" FROM customers WHERE seller_id = ? AND id = ?"+l.lock, sellerID, id)
	if err != nil {
		return customerRow{}, err
	}
	if !found || row.ID != id || row.SellerID != sellerID || row.Status == string(customer.StatusDeleted) {
		return customerRow{}, customer.ErrNotFound
	}
	return row, nil
}
