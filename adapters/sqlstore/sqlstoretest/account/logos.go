package accounttest

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/domain/seller"
)

func logosStored(t *testing.T, h *sqlstoretest.Harness) (all []seller.Logo) {
	t.Helper()
	var rows []struct {
		MediaType string `db:"media_type"`
		Image     []byte `db:"image"`
		Version   string `db:"version"`
	}
	require.NoError(t, h.DB.Reader.SelectContext(t.Context(), &rows, "SELECT media_type, image, version FROM seller_logos ORDER BY seller_id"))
	for _, r := range rows {
		all = append(all, seller.Logo{MediaType: r.MediaType, Image: r.Image, Version: r.Version})
	}
	return all
}

func testLogos(t *testing.T, h *sqlstoretest.Harness) {
	largest := seller.Logo{MediaType: "image/png", Image: bytes.Repeat([]byte{0, 255, '\n', 0x80}, seller.MaxLogo/4), Version: "0123456789abcdef"}
	small := seller.Logo{MediaType: "image/webp", Image: []byte{1}, Version: "1"}
	put := func(sellerID string, l seller.Logo) {
		h.Do(t, func(ctx ctx, tx tx) error { return tx.Logos().Put(ctx, sellerID, l) })
	}
	put("seller_1", largest)
	put("seller_2", small)
	require.Equal(t, []seller.Logo{largest, small}, logosStored(t, h))
	put("seller_1", small)
	put("seller_1", small)
	require.Equal(t, []seller.Logo{small, small}, logosStored(t, h))
	for range 2 {
		h.Do(t, func(ctx ctx, tx tx) error { return tx.Logos().Remove(ctx, "seller_1") })
		require.Equal(t, []seller.Logo{small}, logosStored(t, h))
	}
}

// Of two that put a logo at once both are done, and one of the logos stays as it was put.
func testLogoRace(t *testing.T, h *sqlstoretest.Harness) {
	logo := func(i int) seller.Logo {
		return seller.Logo{MediaType: "image/png", Image: []byte{byte(i)}, Version: fmt.Sprint(i)}
	}
	for _, err := range sqlstoretest.AtOnce(t, h, 4, func(ctx context.Context, tx *sqlstore.Tx, i int) error {
		return tx.Logos().Put(ctx, "seller_1", logo(i))
	}) {
		require.NoError(t, err)
	}
	stored := logosStored(t, h)
	require.Len(t, stored, 1)
	require.Equal(t, logo(int(stored[0].Image[0])), stored[0])
}
