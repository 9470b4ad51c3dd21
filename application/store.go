package application

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// Errors of the store. They carry no cause to a client.
var (
	// ErrUnavailable says that the database cannot be reached, is too busy or a lock was not had in time. Nothing was changed.
	ErrUnavailable = fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")
	// ErrOutcomeUnknown says that the connection was lost while committing: the change may or may not be stored.
	ErrOutcomeUnknown = fault.New(fault.Unavailable, "service_unavailable", "Service unavailable")
	// ErrConcurrentChange says that somebody else changed the same thing at the same time, again and again.
	ErrConcurrentChange = fault.New(fault.Conflict, "concurrent_change", "The object was changed at the same time. Try again.")
)

// DataError says that the database refused a value (a constraint, a range, an encoding): running the same again fails
// again. A batch is then narrowed down to the command at fault.
type DataError struct{ Err error }

// Error implements error.
func (e *DataError) Error() string { return "data refused by the database: " + e.Err.Error() }

// Unwrap returns the driver's error.
func (e *DataError) Unwrap() error { return e.Err }

// OutcomeUnknown is returned by UnitOfWork.Do when a commit was sent and its answer was lost.
type OutcomeUnknown struct{ Err error }

// Error implements error.
func (e *OutcomeUnknown) Error() string { return "outcome of commit unknown: " + e.Err.Error() }

// Unwrap makes the error one of kind Unavailable to whoever does not look closer.
func (e *OutcomeUnknown) Unwrap() []error { return []error{ErrOutcomeUnknown, e.Err} }

// UnitOfWork runs closures in transactions. T is what a closure sees of its transaction: the repositories that the commands
// of one room need.
type UnitOfWork[T any] interface {
	// Do runs fn in one transaction and commits it. Deadlocks, lock timeouts and lost races for a claim run fn again (at
	// most 5 times in all, with jitter), so fn must not keep anything of an earlier run. It returns fn's error unchanged,
	// ErrUnavailable (wrapped) when the database could not do it, *OutcomeUnknown, or *DataError.
	Do(ctx context.Context, fn func(ctx context.Context, tx T) error) error
}

// Tx is one transaction. Stored rows are locked in the order: seller, numbers, partner, customer, campaign, lead, buyer,
// counters, claims; each sorted by id. Rows that the transaction itself inserts do not count: nobody waits for them with
// another lock. Nor do the answer under an Idempotency-Key and a token that is consumed, which come first of all. Events of
// saved aggregates are written last, just before the commit.
type Tx interface {
	Sellers() SellerRepository
	Keys() KeyRepository
	Partners() PartnerRepository
	Customers() CustomerRepository
	Forms() FormRepository
	Numbers() NumberRepository
	Tokens() TokenRepository
	Buyers() BuyerRepository
	Campaigns() CampaignRepository
	Leads() LeadRepository
	Counters() CounterRepository
	Claims() ClaimRepository
	Idempotency() IdempotencyRepository
}

// SellerRepository stores sellers.
type SellerRepository interface {
	// Add stores a new seller: seller.ErrCodeTaken, seller.ErrSlugTaken.
	Add(ctx context.Context, s *seller.Seller) error
	// Lock loads a seller by id and locks its row: seller.ErrNotFound.
	Lock(ctx context.Context, id string) (*seller.Seller, error)
	// LockByCode is Lock by code.
	LockByCode(ctx context.Context, code string) (*seller.Seller, error)
	// Get loads a seller by id without locking it.
	Get(ctx context.Context, id string) (*seller.Seller, error)
	// Save stores changes of a locked seller: seller.ErrSlugTaken.
	Save(ctx context.Context, s *seller.Seller) error
}

// KeyRepository stores API keys.
type KeyRepository interface {
	Add(ctx context.Context, k seller.Key) error
	// Revoke ends a key of a seller: seller.ErrKeyNotFound, also when it is revoked already.
	Revoke(ctx context.Context, sellerID, id string, at time.Time) error
	// RevokeOfPartner ends all keys of a partner; it may have none.
	RevokeOfPartner(ctx context.Context, sellerID, partnerID string, at time.Time) error
}

// PartnerRepository stores partners. Deleted ones are not found; retired keys lead to nobody.
type PartnerRepository interface {
	// Add stores a new partner: partner.Taken("email"), ("id") or ("key").
	Add(ctx context.Context, p *partner.Partner) error
	// Find returns a partner of a seller by id, else any of its referral keys, else email (the first given): partner.ErrNotFound.
	Find(ctx context.Context, sellerID string, h PartnerHandle) (*partner.Partner, error)
	// Lock is Find that locks the partner's row.
	Lock(ctx context.Context, sellerID string, h PartnerHandle) (*partner.Partner, error)
	// Chain returns the id of a partner and of those that referred it, the nearest first, to any depth. It also ends at a
	// partner it met before. Changes of referring partners lock the seller, so that no circle can come to be.
	Chain(ctx context.Context, sellerID, id string) ([]string, error)
	// Save stores changes of a locked partner: partner.Taken("email") or ("key").
	Save(ctx context.Context, p *partner.Partner) error
}

// CustomerRepository stores customers. Deleted ones are not found.
type CustomerRepository interface {
	// Add stores a new customer: customer.ErrKeyTaken.
	Add(ctx context.Context, c *customer.Customer) error
	// Lock returns a customer of a seller, its row locked: customer.ErrNotFound.
	Lock(ctx context.Context, sellerID string, h CustomerHandle) (*customer.Customer, error)
	// Save stores changes of a locked customer: customer.ErrKeyTaken.
	Save(ctx context.Context, c *customer.Customer) error
}

// CustomerHandle names a customer: the first member given counts. Any is what stands in a path: a key, else an id, else an
// email. Of several customers with one email the newest is meant.
type CustomerHandle struct{ Any, Key, ID, Email string }

// FormRepository stores the sellers' lead forms.
type FormRepository interface {
	// Get returns a seller's form, lead.NewForm when it has set none.
	Get(ctx context.Context, sellerID string) (*lead.Form, error)
	// Save stores a changed form; the seller is locked.
	Save(ctx context.Context, f *lead.Form) error
}

// NumberRepository counts per seller without gaps: a number that is not committed is given again.
type NumberRepository interface {
	// Next locks a seller's series and returns its next number, from 1.
	Next(ctx context.Context, sellerID, series string) (int64, error)
}

// FormLeads is the series of the public ids of form leads.
const FormLeads = "form_leads"

// TokenKind says what a token of a partner opens.
type TokenKind string

// The kinds of tokens.
const (
	InvitationToken TokenKind = "invitation"
	SignInToken     TokenKind = "sign_in"
	SessionToken    TokenKind = "session"
)

// Token is a secret that a partner holds; only its hash is stored.
type Token struct {
	Hash                [sha256.Size]byte
	Kind                TokenKind
	SellerID, PartnerID string
	ExpiresAt           time.Time
}

// TokenHash is what is stored of a token.
func TokenHash(token string) [sha256.Size]byte {
	return sha256.Sum256([]byte("leadmill token\x00" + token))
}

// ErrTokenUnknown says that a token does not exist, is over or was used: always the same answer.
var ErrTokenUnknown = fault.New(fault.NotFound, "link_not_valid", "This link is not valid any more.")

// TokenRepository stores tokens.
type TokenRepository interface {
	Add(ctx context.Context, t Token) error
	// Consume deletes a token that is not over at now and returns it: ErrTokenUnknown. Of several at once one gets it.
	Consume(ctx context.Context, hash [sha256.Size]byte, kind TokenKind, now time.Time) (Token, error)
	// RevokeOfPartner deletes a partner's tokens of some kinds; of all when none is named.
	RevokeOfPartner(ctx context.Context, sellerID, partnerID string, kinds ...TokenKind) error
}

// PartnerHandle names a partner: the first member given counts (api/partner-program.md, "Form").
type PartnerHandle struct{ ID, Key, Email string }

// BuyerRepository stores buyers and their ledgers.
type BuyerRepository interface {
	Add(ctx context.Context, b *buyer.Buyer) error
	// Get loads a buyer without locking it: buyer.ErrNotFound.
	Get(ctx context.Context, sellerID, id string) (*buyer.Buyer, error)
	// Lock loads a buyer and locks its row: buyer.ErrNotFound.
	Lock(ctx context.Context, sellerID, id string) (*buyer.Buyer, error)
	// LockAll loads buyers by id, in one statement and locked in the order of their ids. Unknown ids are left out.
	LockAll(ctx context.Context, ids []string) (map[string]*buyer.Buyer, error)
	// Save stores changes of one locked buyer with its new ledger entries.
	Save(ctx context.Context, b *buyer.Buyer) error
	// SaveSold stores the new ledger entries and balances of locked buyers that were only charged: one statement for the
	// balances, guarded so that none can be overdrawn, and one for the entries.
	SaveSold(ctx context.Context, buyers []*buyer.Buyer) error
}

// CampaignRepository stores campaigns with their contracts.
type CampaignRepository interface {
	// Add stores a new campaign: campaign.ErrCategoryTaken.
	Add(ctx context.Context, c *campaign.Campaign) error
	// Get loads a campaign of a seller without locking it: campaign.ErrNotFound.
	Get(ctx context.Context, sellerID, id string) (*campaign.Campaign, error)
	// Lock loads a campaign of a seller and locks its row: campaign.ErrNotFound.
	Lock(ctx context.Context, sellerID, id string) (*campaign.Campaign, error)
	// LockAll locks campaigns by id in the order of their ids with one statement. A campaign whose cached version is still
	// the stored one is answered from cached; the others are loaded. Unknown ids are left out.
	LockAll(ctx context.Context, ids []string, cached map[string]*campaign.Campaign) (map[string]*campaign.Campaign, error)
	// Save stores changes of a locked campaign and of its contracts: campaign.ErrCategoryTaken.
	Save(ctx context.Context, c *campaign.Campaign) error
	// LockOfSeller locks all campaigns of a seller that are not archived, in the order of their ids. All of them, so that
	// no contract can be added meanwhile to one that was left out.
	LockOfSeller(ctx context.Context, sellerID string) ([]*campaign.Campaign, error)
}

// Response is what a request was answered: the HTTP status and body that are stored with the effect of a command, so that a
// replay sends them again, byte for byte.
type Response struct {
	Status int
	Body   []byte
}

// StoredLead is a lead together with the answer its supplier got. Fingerprint identifies the request; Trail goes into the
// lead's events.
type StoredLead struct {
	Lead        *lead.Lead
	Fingerprint [sha256.Size]byte
	Response    Response
	Trail       Trail
}

// StoredResponse is what is kept of a lead's request.
type StoredResponse struct {
	Fingerprint [sha256.Size]byte
	Response    Response
}

// LeadRepository stores leads with their sales.
type LeadRepository interface {
	// AddAll stores new, decided leads with their sales and answers: one statement for the leads, one for the sales.
	AddAll(ctx context.Context, leads []StoredLead) error
	// Responses returns the stored responses of leads by id, in one statement. Unknown ids are left out.
	Responses(ctx context.Context, ids []string) (map[string]StoredResponse, error)
	// LockPending loads up to limit pending leads of a campaign with ids above after, oldest first, locked.
	LockPending(ctx context.Context, campaignID, after string, limit int) ([]*lead.Lead, error)
	// LockPendingByID is LockPending for one lead: the list is empty when it is not pending in the campaign.
	LockPendingByID(ctx context.Context, campaignID, id string) ([]*lead.Lead, error)
	// SaveAll stores changes of locked leads and their new sales: one statement for the leads, one for the sales.
	SaveAll(ctx context.Context, leads []*lead.Lead) error
	// AddForm stores a new form lead with its review.
	AddForm(ctx context.Context, l *lead.Lead) error
	// LockByNumber returns a form lead with its review, its row locked: lead.ErrNotFound, also for a deleted one.
	LockByNumber(ctx context.Context, sellerID string, number int64) (*lead.Lead, error)
	// SaveReview stores changes of a form lead that LockByNumber returned, its review and market status.
	SaveReview(ctx context.Context, l *lead.Lead) error
}

// CounterRepository stores what contracts used in spans of time.
type CounterRepository interface {
	// LockAll loads counters by key in one statement, locked in the order of their keys. Unknown keys are left out.
	LockAll(ctx context.Context, keys []string) (map[string]*distribution.Counter, error)
	// SaveAll adds what was taken: one guarded statement for the stored counters, one for those that are new.
	SaveAll(ctx context.Context, counters []*distribution.Counter) error
	// Recount drops every counter of a contract but the total and counts the given spans again from the live sales.
	Recount(ctx context.Context, contractID string, spans []calendar.Span) error
}

// ClaimKind says what a claim is about.
type ClaimKind string

// The kinds of claims (distribution.md, "Deciding"; api/lead-ingestion.md, "Once only").
const (
	ClaimPhone       ClaimKind = "phone"
	ClaimEmail       ClaimKind = "email"
	ClaimAll         ClaimKind = "all"
	ClaimRequest     ClaimKind = "request"     // the double click
	ClaimIdempotency ClaimKind = "idempotency" // an Idempotency-Key
	ClaimExternalID  ClaimKind = "external_id"
)

// ClaimKey identifies a claim: a hash over its scope, kind and value.
type ClaimKey [sha256.Size]byte

// NewClaimKey hashes a claim's scope (a campaign's or an API key's id), kind and value.
func NewClaimKey(scope string, kind ClaimKind, value string) ClaimKey {
	return sha256.Sum256([]byte(scope + "\x00" + string(kind) + "\x00" + value))
}

// Claim is a unique, expiring mark of a lead.
type Claim struct {
	Key       ClaimKey
	SellerID  string
	Scope     string
	Kind      ClaimKind
	LeadID    string
	ExpiresAt time.Time
}

// ClaimRepository stores claims. Taking a claim that somebody else took meanwhile runs the unit of work again.
type ClaimRepository interface {
	// Find returns the claims that exist under keys, expired ones too, in one statement and without locking.
	Find(ctx context.Context, keys []ClaimKey) (map[ClaimKey]Claim, error)
	// Take takes claims: fresh ones by one INSERT sorted by key, and those in expired by one UPDATE that is guarded by
	// their expiry at now.
	Take(ctx context.Context, fresh, expired []Claim, now time.Time) error
}

// IdempotencyRepository stores the responses to management commands under their Idempotency-Key.
type IdempotencyRepository interface {
	// Claim takes an Idempotency-Key of an API key for a request until a time. When it is taken already, it returns what
	// is stored under it; a key whose time is over is taken again.
	Claim(ctx context.Context, keyID, idempotencyKey string, fingerprint [sha256.Size]byte, now, until time.Time) (stored StoredResponse, taken bool, err error)
	// Complete stores the answer under a key that Claim took in the same transaction.
	Complete(ctx context.Context, keyID, idempotencyKey string, a Response) error
}

// ReplayReader finds stored answers outside of a transaction.
type ReplayReader interface {
	// FindResponse returns the response to the lead that holds a claim at now; found is false when nobody does.
	FindResponse(ctx context.Context, key ClaimKey, now time.Time) (a StoredResponse, found bool, err error)
}

// CampaignReader reads campaigns outside of a transaction.
type CampaignReader interface {
	// ActiveCampaign returns a seller's active campaign of a category (campaign.CategoryKey): campaign.ErrNoMatching.
	ActiveCampaign(ctx context.Context, sellerID, categoryKey string) (*campaign.Campaign, error)
	// PendingCampaigns returns the ids of all campaigns that have pending leads.
	PendingCampaigns(ctx context.Context) ([]string, error)
	// CampaignsOfBuyer returns the ids of the campaigns in which a buyer has contracts.
	CampaignsOfBuyer(ctx context.Context, sellerID, buyerID string) ([]string, error)
}

// Click is one visit through a referral link.
type Click struct {
	ID, SellerID, PartnerID, ReferralKey string
	At                                   time.Time
	Trail                                Trail
}

// ClickLog appends clicks to the event log, many in one transaction: errors as of UnitOfWork.
type ClickLog interface {
	AppendClicks(ctx context.Context, clicks []Click) error
}

// Referral is where a referral link leads. Live says whether the visit counts: the key belongs to a partner that is neither
// archived, rejected nor deleted.
type Referral struct {
	SellerID, PartnerID, Key string
	Website, Parameter       string
	CookieDays               int
	Live                     bool
}

// ErrNoReferral says that no seller, or more than one, can be meant by a referral link.
var ErrNoReferral = fault.New(fault.NotFound, "not_found", "Not found")

// ReferralReader finds where a referral link leads.
type ReferralReader interface {
	// Referral returns the target of a key at the seller of a code; without a code, at the one seller that owns the key. A key
	// that a named seller does not have is answered too, not Live. ErrNoReferral.
	Referral(ctx context.Context, sellerCode, key string) (Referral, error)
}

// PartnerContact is what a mail to a partner needs.
type PartnerContact struct {
	PartnerID, Email, Name, Surname string
	SellerName                      string
	Open                            bool // an invitation can still be accepted
}

// PortalReader reads what a partner sees of itself.
type PortalReader interface {
	// TokenOf returns a token that is not over at now without consuming it: ErrTokenUnknown.
	TokenOf(ctx context.Context, hash [sha256.Size]byte, kind TokenKind, now time.Time) (Token, error)
	// ContactOf returns how a partner is reached: partner.ErrNotFound.
	ContactOf(ctx context.Context, sellerID, partnerID string) (PartnerContact, error)
}
