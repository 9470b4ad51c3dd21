package seller

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	_ "image/jpeg" // read by image
	_ "image/png"  // read by image

	"github.com/leadmill/leadmill/domain/fault"
)

// Logo is the picture that stands for a seller on the pages of its partners and buyers. Version changes with the picture.
type Logo struct {
	MediaType string // image/png, image/jpeg or image/webp
	Image     []byte
	Version   string
}

// Bounds of a logo.
const (
	// MaxLogo is the most bytes of a picture.
	MaxLogo     = 100 << 10
	maxLogoSide = 4096
)

// ParseLogo reads a picture: a PNG, a JPEG or a WebP of at most 100 KB and 4,096 pixels a side. An SVG may hold scripts and is none. Its errors have the code
// fault.InvalidValue.
func ParseLogo(b []byte) (Logo, error) {
	if len(b) > MaxLogo {
		return Logo{}, fault.New(fault.Invalid, fault.InvalidValue, "must have at most 100 KB")
	}
	media := ""
	if isWebP(b) {
		media = "image/webp"
	} else if c, format, err := image.DecodeConfig(bytes.NewReader(b)); err == nil && (format == "png" || format == "jpeg") {
		if c.Width > maxLogoSide || c.Height > maxLogoSide || c.Width == 0 || c.Height == 0 {
			return Logo{}, fault.New(fault.Invalid, fault.InvalidValue, "must have at most 4096 pixels a side")
		}
		media = "image/" + format
	}
	if media == "" {
		return Logo{}, fault.New(fault.Invalid, fault.InvalidValue, "must be a PNG, a JPEG or a WebP picture")
	}
	sum := sha256.Sum256(b)
	return Logo{MediaType: media, Image: bytes.Clone(b), Version: hex.EncodeToString(sum[:8])}, nil
}

// isWebP reports whether a file says that it is a WebP and is as long as it says (https://developers.google.com/speed/webp/docs/riff_container).
func isWebP(b []byte) bool {
	const head = 16
	if len(b) < head || string(b[:4]) != "RIFF" || string(b[8:12]) != "WEBP" {
		return false
	}
	size := uint32(b[4]) | uint32(b[5])<<8 | uint32(b[6])<<16 | uint32(b[7])<<24
	kind := string(b[12:head])
	return int64(size)+8 == int64(len(b)) && (kind == "VP8 " || kind == "VP8L" || kind == "VP8X")
}
