package leadmill

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	"github.com/leadmill/leadmill/domain/operator"
)

// The link of the first owner signs in once, without a password.
func TestOwnerLinkSignsIn(t *testing.T) {
	t.Parallel()
	withCore(t, func(ctx context.Context, k *core) error {
		actor, err := k.demoSeller(ctx)
		require.NoError(t, err)
		link, err := k.ownerLink(ctx, actor.SellerID, "owner@example.com", "Olivia Owner", "http://127.0.0.1:8080")
		require.NoError(t, err)
		token, ok := strings.CutPrefix(link, "http://127.0.0.1:8080/sign-in/")
		require.True(t, ok, link)
		signed, err := k.People.SignInByToken.Handle(ctx, accountcommand.SignInByToken{Token: token})
		require.NoError(t, err)
		p, err := k.Sessions.PersonOf(ctx, signed.Cookie)
		require.NoError(t, err)
		assert.Equal(t, []any{demoCode, operator.Owner, "Olivia Owner"}, []any{p.Actor.SellerCode, p.Actor.Role, p.Name})
		_, err = k.People.SignInByToken.Handle(ctx, accountcommand.SignInByToken{Token: token})
		require.ErrorIs(t, err, operator.ErrLink)
		return nil
	})
}
