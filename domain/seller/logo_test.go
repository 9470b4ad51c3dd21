package seller_test

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/seller"
)

func picture(t *testing.T, width, height int, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, encode(&b, image.NewGray(image.Rect(0, 0, width, height))))
	return b.Bytes()
}

func asPNG(b *bytes.Buffer, m image.Image) error  { return png.Encode(b, m) }
func asJPEG(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) }
func asGIF(b *bytes.Buffer, m image.Image) error  { return gif.Encode(b, m, nil) }

func TestParseLogo(t *testing.T) {
	t.Parallel()
	webp := []byte("RIFF\x0c\x00\x00\x00WEBPVP8L\x00\x00\x00\x00")
	for name, c := range map[string]struct {
		file  []byte
		media string
	}{
		"PNG": {picture(t, 10, 4, asPNG), "image/png"}, "JPEG": {picture(t, 10, 4, asJPEG), "image/jpeg"}, "WebP": {webp, "image/webp"},
		"the largest": {picture(t, 4096, 1, asPNG), "image/png"},
	} {
		logo, err := seller.ParseLogo(c.file)
		require.NoError(t, err, name)
		assert.Equal(t, c.media, logo.MediaType, name)
		assert.Equal(t, c.file, logo.Image, name)
		assert.Len(t, logo.Version, 16, name)
		other, err := seller.ParseLogo(c.file)
		require.NoError(t, err)
		assert.Equal(t, logo.Version, other.Version, name)
	}
	const kinds, sides = "must be a PNG, a JPEG or a WebP picture", "must have at most 4096 pixels a side"
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing": {nil, kinds}, "SVG": {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), kinds},
		"HTML": {[]byte("<!doctype html><script>alert(1)</script>"), kinds}, "GIF": {picture(t, 1, 1, asGIF), kinds},
		"a WebP that is cut off": {webp[:15], kinds}, "a WebP with more behind it": {append(bytes.Clone(webp), "<script>"...), kinds},
		"a PNG's beginning": {[]byte("\x89PNG\r\n\x1a\n"), kinds}, "wide": {picture(t, 4097, 1, asPNG), sides}, "high": {picture(t, 1, 4097, asJPEG), sides},
		"large": {append(picture(t, 1, 1, asPNG), strings.Repeat("x", seller.MaxLogo)...), "must have at most 100 KB"},
	} {
		_, err := seller.ParseLogo(c.file)
		require.Error(t, err, name)
		assert.Equal(t, fault.InvalidValue, fault.As(err).Code, name)
		assert.Equal(t, c.want, fault.As(err).Message, name)
	}
}
