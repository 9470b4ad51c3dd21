package clients_test

import (
	"context"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// assistant is a program that started leadmill mcp, as those of assistants do.
type assistant struct {
	t *testing.T
	*mcp.ClientSession
}

// newAssistant starts leadmill as the configuration of docs/mcp.md says, with another address and key.
func newAssistant(t *testing.T, url, key string, flags ...string) assistant {
	t.Helper()
	var configuration struct {
		Servers map[string]struct {
			Command string
			Args    []string
			Env     map[string]string
		} `json:"mcpServers"`
	}
	for _, b := range blocksOf(t, filepath.Join("..", "..", "docs", "mcp.md")) {
		if b.kind == "json" {
			if err := json.Unmarshal([]byte(b.text), &configuration); err != nil {
				t.Fatal(err)
			}
		}
	}
	how, found := configuration.Servers["leadmill"]
	if !found || how.Command != filepath.Base(binary) {
		t.Fatalf("docs/mcp.md says to start %+v", configuration)
	}
	c := exec.CommandContext(context.WithoutCancel(t.Context()), binary, append(how.Args, flags...)...) // it ends when its input does
	for name, value := range how.Env {
		c.Env = append(c.Env, name+"="+strings.NewReplacer("https://leads.example.com", url, "lm_program_…", key).Replace(value))
	}
	c.Stderr = t.Output()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &mcp.CommandTransport{Command: c}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Errorf("leadmill mcp ends with %v", err)
		}
	})
	return assistant{t, session}
}

func (a assistant) tools() (list []*mcp.Tool) {
	a.t.Helper()
	for tool, err := range a.Tools(a.t.Context(), nil) {
		if err != nil {
			a.t.Fatal(err)
		}
		list = append(list, tool)
	}
	return list
}

// call calls a tool that is there, and tells what it says.
func (a assistant) call(tool string, given map[string]any) (said string, failed bool) {
	a.t.Helper()
	result, err := a.CallTool(a.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: given})
	if err != nil {
		a.t.Fatalf("%s: %v", tool, err)
	}
	for _, c := range result.Content {
		said += c.(*mcp.TextContent).Text
	}
	return said, result.IsError
}

// does calls a tool that must succeed, and returns the data of its answer.
func (a assistant) does(tool string, given map[string]any, into any) {
	a.t.Helper()
	said, failed := a.call(tool, given)
	if failed {
		a.t.Fatalf("%s %v: %s", tool, given, said)
	}
	if err := json.Unmarshal([]byte(said), &struct{ Data any }{into}); err != nil && into != nil {
		a.t.Fatalf("%s says %s: %v", tool, said, err)
	}
}

type named []struct {
	ID     string
	Status string
}

func (n named) first(t *testing.T, what string) string {
	t.Helper()
	if len(n) == 0 {
		t.Fatalf("there is no %s", what)
	}
	return n[0].ID
}

// post calls the API itself.
func post(t *testing.T, s server, key, path, body string) {
	t.Helper()
	run(t, "", "", "curl", "-sS", "--fail-with-body", s.address+path, "-H", "Authorization: Bearer "+key, "-H", "Content-Type: application/json", "-d", body)
}

// An assistant calls every tool of the released program, over standard input and output, against a server.
func TestAnAssistant(t *testing.T) {
	t.Parallel()
	s := start(t, "demo --empty", "curl ")
	demo := demoKeys.FindStringSubmatch(s.printed)
	if demo == nil {
		t.Fatalf("the demo prints %s", s.printed)
	}
	lead, err := another(t, s.address, demo[3], demo[1])
	if err != nil {
		t.Fatal(err)
	}
	post(t, s, demo[2], "/v1/webhooks", `{"name":"CRM","url":"`+s.address+`/hook","events":["lead.sold.v1"]}`)
	post(t, s, demo[2], "/v1/customers", `{"partner":{"email":"`+demoPartner(t, s, demo[2])+`"},"key":"customer_1"}`)

	key := func(scope string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), binary, "keys", "create", "--seller", demo[1], "--scope", scope, "--name", "assistant")
		c.Env = s.environment
		made, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile("lm_" + scope + `_\w+`).FindString(string(made))
	}
	reader := newAssistant(t, s.address, demo[2])
	a := newAssistant(t, s.address, key("program"), "--commands") // a key may ask 60 times a minute
	ofEvents := newAssistant(t, s.address, key("events"))
	if said, failed := ofEvents.call("listEvents", map[string]any{"after": 0}); failed || !strings.Contains(said, lead) {
		t.Errorf("a key for events reads %s", said)
	}
	if said, failed := ofEvents.call("listPartners", nil); !failed || !strings.HasPrefix(said, "403 {") {
		t.Errorf("a key for events reads partners: %s", said)
	}
	var partners, contracts, buyers, webhooks named
	var sold struct {
		Campaign string `json:"campaign_id"`
	}
	a.does("listPartners", nil, &partners)
	a.does("getMarketplaceLead", map[string]any{"lead_id": lead}, &sold)
	campaign := sold.Campaign
	a.does("listContracts", map[string]any{"id": campaign}, &contracts)
	a.does("listBuyers", nil, &buyers)
	a.does("listWebhooks", nil, &webhooks)
	var form struct{ ID int }
	a.does("invitePartner", map[string]any{"body": map[string]any{"email": "ann@example.com", "name": "Ann"}}, nil)
	a.does("createFormLead", map[string]any{"body": map[string]any{"name": "Alice", "email": "alice@example.com", "partner": map[string]any{"id": partners.first(t, "partner")}}}, &form)

	contract, buyer, partner := contracts.first(t, "contract"), buyers.first(t, "buyer"), partners.first(t, "partner")
	given := map[string]map[string]any{
		"getMarketplaceLead": {"lead_id": lead}, "explainMarketplaceLead": {"lead_id": lead}, "listLeadDeliveries": {"lead_id": lead},
		"listMarketplaceLeads": {"status": "sold", "phone": "604-785-3799"}, "getFormLead": {"id": form.ID},
		"previewLead":    {"id": campaign, "body": map[string]any{"lead": map[string]any{"firstName": "Bob", "lastName": "Doe", "phone": "604-785-3798", "state": "TX"}}},
		"searchPartners": {"email": "ann@"}, "getPartner": {"id": partner}, "getEarnings": {"id": partner, "from": "2026-01-01", "to": "2026-01-31"},
		"searchCustomers": {"key": "customer"}, "getCustomer": {"key": "customer_1"},
		"getBuyer": {"id": buyer}, "getBuyerUsage": {"id": buyer}, "listLedger": {"id": buyer}, "getStatement": {"id": buyer, "month": "2026-01"},
		"getCampaign": {"id": campaign}, "getCampaignUsage": {"id": campaign}, "listContracts": {"id": campaign},
		"getContract": {"id": campaign, "contract_id": contract}, "getContractUsage": {"id": campaign, "contract_id": contract},
		"listEvents": {"after": 0, "types": "lead.sold.v1"}, "getWebhook": {"id": webhooks.first(t, "webhook")}, "listWebhookDeliveries": {"id": webhooks.first(t, "webhook")},
	}
	wants := map[string]string{
		"explainMarketplaceLead": ": took it [sold].", "listMarketplaceLeads": lead, "listEvents": lead, "searchPartners": "ann@example.com", "getFormLead": "alice@example.com",
		"listBuyers": `"balance":`, "getCustomer": "customer_1", "previewLead": `"outcome":"sold"`, "reportCampaigns": `"sold":1`, "listWebhooks": "CRM",
	}
	tools := reader.tools()
	for _, tool := range tools {
		if !tool.Annotations.ReadOnlyHint {
			t.Errorf("%s changes something, and nobody asked for such tools", tool.Name)
		}
		said, failed := reader.call(tool.Name, given[tool.Name])
		if failed || !strings.Contains(said, wants[tool.Name]) {
			t.Errorf("%s %v says %q, want %q in it", tool.Name, given[tool.Name], said, wants[tool.Name])
		}
		delete(given, tool.Name)
		delete(wants, tool.Name)
	}
	if len(given)+len(wants) > 0 {
		t.Errorf("there are no tools %v", slices.Collect(maps.Keys(given)))
	}
	if _, err := reader.CallTool(t.Context(), &mcp.CallToolParams{Name: "pauseContract", Arguments: map[string]any{"id": campaign, "contract_id": contract}}); err == nil {
		t.Error("an assistant that may read only pauses a contract")
	}

	// A contract is paused, so a lead waits; the assistant says why, resumes the contract, and another time takes the lead off the market.
	commands := map[string]bool{"invitePartner": true, "createFormLead": true}
	do := func(tool string, given map[string]any) {
		t.Helper()
		commands[tool] = true
		a.does(tool, given, nil)
	}
	for _, c := range contracts {
		do("pauseContract", map[string]any{"id": campaign, "contract_id": c.ID})
	}
	post(t, s, demo[3], "/api/leads", `{"seller":"`+demo[1]+`","category":"Auto Insurance","firstName":"Eve","lastName":"Doe","phone":"604-785-3797","state":"TX"}`)
	var waiting named
	a.does("listMarketplaceLeads", map[string]any{"status": "pending"}, &waiting)
	waits := waiting.first(t, "lead that waits")
	said, _ := a.call("explainMarketplaceLead", map[string]any{"lead_id": waits})
	contains(t, "the explanation", said, "is pending: it waits")
	contains(t, "the explanation", said, ": the contract is paused [contract_paused].")
	said, failed := a.call("approveMarketplaceLead", map[string]any{"lead_id": waits})
	commands["approveMarketplaceLead"] = true
	if !failed {
		t.Errorf("a lead that nobody holds back is approved: %s", said)
	}
	contains(t, "the refusal", said, `409 {`)
	contains(t, "the refusal", said, `"code":"lead_not_quarantined"`)
	do("redistributeMarketplaceLead", map[string]any{"lead_id": waits})
	do("rejectMarketplaceLead", map[string]any{"lead_id": waits, "idempotency_key": "rejected-once"})
	do("rejectMarketplaceLead", map[string]any{"lead_id": waits, "idempotency_key": "rejected-once"})
	do("resumeContract", map[string]any{"id": campaign, "contract_id": contract})
	do("pauseCampaign", map[string]any{"id": campaign})
	do("resumeCampaign", map[string]any{"id": campaign})
	do("pauseBuyer", map[string]any{"id": buyer})
	do("resumeBuyer", map[string]any{"id": buyer})
	a.does("searchPartners", map[string]any{"email": "ann@"}, &partners)
	do("approvePartner", map[string]any{"id": partners.first(t, "invited partner")})
	do("invitePartner", map[string]any{"body": map[string]any{"email": "bob@example.com", "name": "Bob"}})
	a.does("searchPartners", map[string]any{"email": "bob@"}, &partners)
	do("rejectPartner", map[string]any{"id": partners.first(t, "invited partner")})
	for _, tool := range a.tools() {
		if !tool.Annotations.ReadOnlyHint && !commands[tool.Name] {
			t.Errorf("%s is not called here", tool.Name)
		}
	}
	said, failed = a.call("getMarketplaceLead", map[string]any{"lead_id": "lead_00000000000000000000000000"})
	if !failed {
		t.Errorf("a lead that is not there: %s", said)
	}
	contains(t, "a lead that is not there", said, `404 {`)
}

func demoPartner(t *testing.T, s server, key string) (email string) {
	t.Helper()
	printed := run(t, "", "", "curl", "-sS", "--fail-with-body", s.address+"/v1/partners", "-H", "Authorization: Bearer "+key)
	var list struct{ Data []struct{ Email string } }
	if err := json.Unmarshal([]byte(printed), &list); err != nil || len(list.Data) == 0 {
		t.Fatalf("the partners are %s", printed)
	}
	return list.Data[0].Email
}

func TestWhatAnAssistantIsToldWhenItCannotCall(t *testing.T) {
	t.Parallel()
	s := start(t, "serve", listens)
	said, failed := newAssistant(t, s.address, "lm_program_"+strings.Repeat("x", 40)).call("listPartners", nil)
	if !failed {
		t.Errorf("a wrong key is answered %s", said)
	}
	contains(t, "a wrong key", said, "401 {")
	contains(t, "a wrong key", said, "LEADMILL_KEY is no key of "+s.address)
	nobody := "http://" + freeAddress(t)
	said, failed = newAssistant(t, nobody, "lm_program_1", "--commands").call("approvePartner", map[string]any{"id": "partner_1"})
	if !failed {
		t.Errorf("nobody answers %s", said)
	}
	contains(t, "nobody", said, "Leadmill at "+nobody+" does not answer")
	contains(t, "nobody", said, "connection refused")
	contains(t, "nobody", said, "idempotency_key ")

	c := exec.CommandContext(t.Context(), binary, "mcp")
	c.Env = []string{"LEADMILL_URL=" + s.address}
	out, err := c.CombinedOutput()
	if err == nil || c.ProcessState.ExitCode() != 2 {
		t.Errorf("without a key it ends with %v", err)
	}
	contains(t, "without a key", string(out), "leadmill: LEADMILL_KEY must be an API key of that server")
}
