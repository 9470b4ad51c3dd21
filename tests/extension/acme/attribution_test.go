package acme

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestPolicies(t *testing.T) {
	t.Parallel()
	refused := func(p attribution.Policy, f attribution.Facts) error { return p.Decide(f).Reason() }
	assert.ErrorIs(t, refused(newHouseAccounts(), attribution.Facts{CustomerTags: []string{"vip", "house"}}), errHouse)
	assert.NoError(t, refused(newHouseAccounts(), attribution.Facts{CustomerTags: []string{"vip"}}))
	assert.ErrorIs(t, refused(newFamilyReferral(), attribution.Facts{PartnerEmail: "pat@corp.example", CustomerEmail: "kim@corp.example"}), errFamily)
	assert.NoError(t, refused(newFamilyReferral(), attribution.Facts{PartnerEmail: "pat@corp.example", CustomerEmail: "kim@else.example"}))
	assert.NoError(t, refused(newFamilyReferral(), attribution.Facts{}))
}

func TestCustomersBelongToWhomAcmeSays(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := start(t, databaseURL, settings)
		started := lines(app.Logs, "rules in force")
		if assert.Len(t, started, 1) {
			assert.Contains(t, started[0], `attribution_policies="[acme_house_accounts self_referral (replaced) `)
		}
		s := app.Seller(t)
		s.Partner(t, "pat", leadmilltest.Object{"email": "pat@corp.example"})
		customer := func(key string, more leadmilltest.Object) leadmilltest.Answer {
			more["key"], more["partner"] = key, leadmilltest.Object{"id": "pat"}
			return s.Program.Do("POST", "/v1/customers", more)
		}
		brought := customer("c1", leadmilltest.Object{"email": "kim@else.example", "tags": []string{"vip"}})
		assert.Equal(t, 201, brought.Status, "%v", brought)
		assert.Equal(t, "pat", brought.Data(t)["partner"])
		for code, more := range map[string]leadmilltest.Object{
			"acme_house_account": {"email": "lee@else.example", "tags": []string{"house"}},
			"acme_same_company":  {"email": "kim@corp.example"},
		} {
			a := customer("of "+code, more)
			assert.Equal(t, code, a.Refusal().Code, "%v", a)
		}
		assert.Len(t, s.Events(t, "customer.created.v1"), 1)
		app.Doctor(t)
	})
}
