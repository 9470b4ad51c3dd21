package apptest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
)

// Provider is an identity provider that says of people what a test has it say. It takes each code once, from whom it was given for.
type Provider struct {
	URL string

	clock application.Clock
	key   *rsa.PrivateKey

	mu    sync.Mutex
	away  bool
	codes map[string]consent
	told  map[string]any // what is told of somebody to who has the token of the answer before
}

type consent struct {
	asked  url.Values
	claims map[string]any
}

const (
	providerClient = "leadmill-of-the-test"
	providerSecret = "secret-of-the-test"
)

// StartProvider starts an identity provider whose tokens are of a clock's time.
func StartProvider(t testing.TB, clock application.Clock) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{clock: clock, key: key, codes: map[string]consent{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		told := p.told
		p.mu.Unlock()
		if told == nil || r.Header.Get("Authorization") != "Bearer access-of-the-test" {
			answer(w, http.StatusUnauthorized, map[string]any{})
			return
		}
		answer(w, http.StatusOK, told)
	})
	keys := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "key-1", Algorithm: "RS256"}}}
	mux.Handle("GET /keys", keys)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
		})
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		away := p.away
		p.mu.Unlock()
		if away {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.URL = server.URL
	keys.SetIssuer(server.URL)
	return p
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// Settings are those of a Leadmill whose people sign in by the provider.
func (p *Provider) Settings(c *leadmill.Config) {
	c.OIDCIssuer, c.OIDCClientID, c.OIDCClientSecret = p.URL, providerClient, providerSecret
	c.SecretKey = strings.Repeat("k", 40)
}

// Away has the provider answer nothing of use, or answer again.
func (p *Provider) Away(away bool) {
	p.mu.Lock()
	p.away = away
	p.mu.Unlock()
}

// Consent does what somebody does whom a browser is sent to the provider: they sign in there and are sent back. claims are what the provider
// then says of them; those that are there already may be replaced. It returns the address to which the browser is sent.
func (p *Provider) Consent(t testing.TB, address string, claims map[string]any) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	asked := u.Query()
	for name, want := range map[string]string{"client_id": providerClient, "response_type": "code", "code_challenge_method": "S256"} {
		if asked.Get(name) != want {
			t.Fatalf("%s has %s %q, want %q", address, name, asked.Get(name), want)
		}
	}
	if u.Path != "/authorize" || len(asked.Get("state")) < 43 || len(asked.Get("nonce")) < 43 || !strings.Contains(asked.Get("scope"), "openid") {
		t.Fatalf("%s is no request of OpenID Connect", address)
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = consent{asked, claims}
	p.mu.Unlock()
	return asked.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {asked.Get("state")}}.Encode()
}

// Tell has the provider tell of somebody when it is asked, where its token says no email.
func (p *Provider) Tell(claims map[string]any) {
	p.mu.Lock()
	p.told = claims
	p.mu.Unlock()
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	p.mu.Lock()
	c, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || id != providerClient || secret != providerSecret || r.PostFormValue("grant_type") != "authorization_code" ||
		r.PostFormValue("redirect_uri") != c.asked.Get("redirect_uri") || base64.RawURLEncoding.EncodeToString(challenge[:]) != c.asked.Get("code_challenge") {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now := p.clock.Now().Unix()
	claims := map[string]any{"iss": p.URL, "aud": providerClient, "iat": now, "exp": now + 300, "nonce": c.asked.Get("nonce")}
	maps.Copy(claims, c.claims)
	text, err := json.Marshal(claims)
	if err != nil {
		answer(w, http.StatusInternalServerError, nil)
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": "access-of-the-test", "token_type": "Bearer", "id_token": oidctest.SignIDToken(p.key, "key-1", "RS256", string(text)),
	})
}
