package contact_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/domain/contact"
)

func TestLooksPersonal(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"joe@example.com", "Joe <joe@example.com>", "joe@localhost", "@joe", "joe%40example.com", "joe\uff20example.com", "mailto:joe@example.com",
		"+12025550123", "+1 (202) 555-0123", "2025550123", "202-555-0123", "(202) 555.0123", "12025550123", "1 202 555 0123", "+49 30 901820",
		"+44 20 7946 0018", "tel:+12025550123", "whatsapp:+12025550123", "+1\u00a0202\u20115550123", "+999123456789",
	} {
		assert.True(t, contact.LooksPersonal(s), s)
	}
	for _, s := range []string{
		"", "joe", "customer_123", "cus_NffrFeUfNV2Hib", "42", "1234567", "123456789", "550e8400-e29b-41d4-a716-446655440000", "order 12345",
		"12345678901234567890", "a2025550123", "2026-01-02", "key 1 ", "0", "+", "+1", "crm:1234567", ":", "01JD8YV5T3Q8W0F2K4M6N8P0R2",
	} {
		assert.False(t, contact.LooksPersonal(s), s)
	}
}
