package browser_test

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mostPicture is how large a picture of the documentation may be, in bytes.
const mostPicture = 80 << 10

// picture saves what the open page looks like as a picture of the documentation, into the folder that LEADMILL_TEST_PICTURES names, if it does:
// with 256 colours at most, which a page needs few more than.
func (b *tab) picture(name string) {
	b.t.Helper()
	folder := os.Getenv("LEADMILL_TEST_PICTURES")
	if folder == "" {
		return
	}
	b.do("window.scrollTo(0, 0)")
	var shot []byte
	b.call(func(ctx context.Context) error {
		r, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		shot = r.Data
		return err
	})
	small, err := compressed(shot)
	require.NoError(b.t, err)
	require.LessOrEqual(b.t, len(small), mostPicture, name)
	require.NoError(b.t, os.MkdirAll(folder, 0o750))
	require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+".png"), small, 0o600))
}

// compressed writes a picture with the 256 colours that it has most of.
func compressed(shot []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	count := map[color.RGBA]int{}
	size := full.Bounds()
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			count[rgba(full.At(x, y))]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	palette := color.Palette{}
	for _, c := range colours[:min(len(colours), 256)] {
		palette = append(palette, c)
	}
	few := image.NewPaletted(size, palette)
	draw.Draw(few, size, full, size.Min, draw.Src)
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few)
	return out.Bytes(), err
}

func rgba(c color.Color) color.RGBA {
	of, _ := color.RGBAModel.Convert(c).(color.RGBA)
	return of
}

// A compressed picture has the same colours where they are few, and close ones where they are many.
func TestPicturesAreCompressed(t *testing.T) {
	t.Parallel()
	full := image.NewRGBA(image.Rect(0, 0, 300, 100))
	for x := range 300 {
		for y := range 100 {
			full.SetRGBA(x, y, color.RGBA{R: uint8(x * 255 / 299), G: uint8(y), B: 200, A: 255})
		}
	}
	draw.Draw(full, image.Rect(0, 50, 300, 100), image.White, image.Point{}, draw.Src)
	var shot bytes.Buffer
	require.NoError(t, png.Encode(&shot, full))
	small, err := compressed(shot.Bytes())
	require.NoError(t, err)
	back, err := png.Decode(bytes.NewReader(small))
	require.NoError(t, err)
	few, is := back.(*image.Paletted)
	require.True(t, is)
	assert.LessOrEqual(t, len(few.Palette), 256)
	assert.Equal(t, color.RGBA{255, 255, 255, 255}, rgba(back.At(10, 60)))
	assert.Equal(t, uint8(200), rgba(back.At(150, 10)).B)
	_, err = compressed([]byte("no picture"))
	assert.Error(t, err)
}

// The pictures of the documentation are there, are pictures of pages, and small.
func TestPicturesOfTheDocumentation(t *testing.T) {
	t.Parallel()
	for _, name := range pictures {
		file, err := os.ReadFile(filepath.Join("../../docs/images", name+".png"))
		require.NoError(t, err, "make screenshots makes it")
		assert.LessOrEqual(t, len(file), mostPicture, name)
		shown, err := png.Decode(bytes.NewReader(file))
		require.NoError(t, err, name)
		assert.Equal(t, image.Rect(0, 0, 1280, 800), shown.Bounds(), name)
	}
}

// pictures are those of the documentation, which TestTheDemoIsWalkedThrough takes.
var pictures = []string{"today", "waiting", "lead", "dry-run", "reports"}
