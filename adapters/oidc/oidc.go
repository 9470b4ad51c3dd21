// Package oidc asks an identity provider who somebody is, by OpenID Connect.
//
// Stability: unsupported; it may change at any time.
package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
)

// Config says which provider is asked, and as whom.
type Config struct {
	Issuer, ClientID, ClientSecret string
	// Redirect returns the address to which the provider sends browsers back.
	Redirect func() string
}

// The bounds of settings and of what a provider calls somebody, in bytes. The last is OpenID Connect's.
const (
	maxIssuer  = 300
	maxClient  = 1000
	maxSubject = 255
)

// Errors of settings.
var (
	errIssuer = errors.New("must be an https URL without query, as the provider names itself (by http on this machine only)")
	errClient = errors.New("must be at most 1000 visible ASCII characters")
)

// CheckIssuer says what is wrong with the address of a provider.
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || len(issuer) > maxIssuer || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(issuer, " ?#") ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return errIssuer
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CheckClient says what is wrong with the id or the secret that a provider gave Leadmill.
func CheckClient(text string) error {
	if len(text) > maxClient || !visible(text) {
		return errClient
	}
	return nil
}

func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Provider implements account.Provider. What the provider says of itself is asked for when it is needed first, and again until it answers: no
// start depends on it.
type Provider struct {
	config Config
	clock  application.Clock
	client *http.Client

	mu    sync.Mutex
	known *oidc.Provider
}

var _ account.Provider = (*Provider)(nil)

// timeout bounds each request to the provider: somebody waits.
const timeout = 10 * time.Second

// New makes a Provider.
func New(c Config, clock application.Clock) *Provider {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: timeout, ForceAttemptHTTP2: true, MaxIdleConns: 4, IdleConnTimeout: time.Minute,
	}
	return &Provider{config: c, clock: clock, client: &http.Client{Transport: transport, Timeout: timeout}}
}

// Close ends idle connections.
func (p *Provider) Close() error {
	p.client.CloseIdleConnections()
	return nil
}

// discovered returns what the provider says of itself.
func (p *Provider) discovered(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	known := p.known
	p.mu.Unlock()
	if known != nil {
		return known, nil
	}
	known, err := oidc.NewProvider(ctx, p.config.Issuer)
	if err != nil {
		return nil, account.ErrProviderAway.Because(fmt.Errorf("ask the identity provider about itself: %w", err))
	}
	p.mu.Lock()
	p.known = known
	p.mu.Unlock()
	return known, nil
}

func (p *Provider) oauth(known *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: known.Endpoint(), RedirectURL: p.config.Redirect(),
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// Begin implements account.Provider.
func (p *Provider) Begin(ctx context.Context, t account.ProviderTrip) (string, error) {
	known, err := p.discovered(oidc.ClientContext(ctx, p.client))
	if err != nil {
		return "", err
	}
	return p.oauth(known).AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), nil
}

// claims is what a token, or the provider's answer about somebody, says beside whom it is about.
type claims struct {
	Email         string `json:"email"`
	EmailVerified any    `json:"email_verified"` // some providers write it as a text
	Name          string `json:"name"`
	Party         string `json:"azp"`
}

func (c claims) verified() bool { return c.EmailVerified == true || c.EmailVerified == "true" }

// Finish implements account.Provider.
func (p *Provider) Finish(ctx context.Context, t account.ProviderTrip, code string) (account.Identity, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	known, err := p.discovered(ctx)
	if err != nil {
		return account.Identity{}, err
	}
	token, err := p.oauth(known).Exchange(ctx, code, oauth2.VerifierOption(t.Verifier))
	if err != nil {
		return account.Identity{}, exchangeError(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := known.Verifier(&oidc.Config{ClientID: p.config.ClientID, Now: p.clock.Now}).Verify(ctx, raw)
	if err != nil {
		return account.Identity{}, account.ErrProviderRefused.Because(err)
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return account.Identity{}, refused("its token cannot be read")
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(t.Nonce)) != 1:
		return account.Identity{}, refused("its token is for another sign-in")
	case len(id.Audience) > 1 && c.Party != p.config.ClientID:
		return account.Identity{}, refused("its token is for several, and another one asked for it")
	case id.Subject == "" || len(id.Subject) > maxSubject || !visible(id.Subject):
		return account.Identity{}, refused("what it calls the person is no subject of OpenID Connect")
	}
	if c.Email == "" && known.UserInfoEndpoint() != "" {
		if c, err = p.told(ctx, known, token, id.Subject); err != nil {
			return account.Identity{}, err
		}
	}
	return account.Identity{Issuer: p.config.Issuer, Subject: id.Subject, Name: c.Name, Email: c.Email, EmailVerified: c.verified()}, nil
}

// told asks the provider about somebody of whom the token says no email.
func (p *Provider) told(ctx context.Context, known *oidc.Provider, token *oauth2.Token, subject string) (c claims, err error) {
	info, err := known.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return claims{}, nil //nolint:nilerr // who came before is known without; others are refused
	}
	if info.Subject != subject || info.Claims(&c) != nil {
		return claims{}, refused("it told of somebody else")
	}
	return c, nil
}

func refused(why string) error {
	return account.ErrProviderRefused.Because(errors.New("the identity provider's answer: " + why))
}

// exchangeError tells a code that is not taken from a provider that is away. What the provider wrote is not kept: it may name somebody.
func exchangeError(err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		return account.ErrProviderAway.Because(errors.New("the identity provider did not answer, or not as OpenID Connect says"))
	}
	cause := fmt.Errorf("the identity provider answered %d to the code", answer.Response.StatusCode)
	if answer.Response.StatusCode >= http.StatusInternalServerError || answer.Response.StatusCode == http.StatusTooManyRequests {
		return account.ErrProviderAway.Because(cause)
	}
	return account.ErrProviderRefused.Because(cause)
}
