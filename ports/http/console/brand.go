package consolehttp

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"

	"github.com/leadmill/leadmill/application"
	httpport "github.com/leadmill/leadmill/ports/http"
)

const (
	brandPath     = settingsPath + "/brand"
	brandFiles    = "/brand"
	publicDay     = "public, max-age=86400"
	publicForever = "public, max-age=31536000, immutable"
)

// brandRoutes are the routes of sellers' colors and pictures, which everybody may load.
func (c Console) brandRoutes() []httpport.Route {
	return []httpport.Route{
		{Method: http.MethodGet, Path: brandFiles + "/colors/:color", Needs: application.Visitor, Handle: colorStyle},
		{Method: http.MethodGet, Path: brandFiles + "/logos/:seller/:version", Needs: application.Visitor, Handle: func(k *httpport.Call) { logo(c.visit(k)) }},
	}
}

// colorStyle answers the style of an accent.
func colorStyle(k *httpport.Call) {
	c, ok := parseColor(k.Param("color"))
	if !ok {
		k.Fail(httpport.ErrNotFound)
		return
	}
	k.Writer().Header().Set("Cache-Control", publicDay)
	k.Send(http.StatusOK, "text/css; charset=utf-8", []byte(dayAccents(c).style()+"\n@media (prefers-color-scheme: dark) { "+nightAccents(c).style()+" }\n"))
}

// logo answers a seller's picture: as nothing but a picture, whatever is in it.
func logo(v *Visit) {
	l, err := Ask[accountquery.LogoView](v, accountquery.LogoOfSeller{Code: v.Param("seller"), Version: v.Param("version")})
	if err != nil {
		v.Fail(err)
		return
	}
	header := v.call.Writer().Header()
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	header.Set("Cache-Control", publicForever)
	v.call.Send(http.StatusOK, l.MediaType, l.Image)
}

// brandOf reads how a seller appears.
func brandOf(v *Visit, code string) (Brand, error) {
	found, err := Ask[accountquery.Brand](v, accountquery.BrandOfSeller{Code: code})
	if err != nil {
		return Brand{}, err
	}
	b := Brand{Name: found.Name}
	if found.Logo != "" {
		b.Logo = brandFiles + "/logos/" + url.PathEscape(found.Code) + "/" + found.Logo
	}
	if digits, has := strings.CutPrefix(found.Color, "#"); has {
		b.Style = brandFiles + "/colors/" + digits
	}
	return b, nil
}

// setBrand puts the page under a seller's name and colors. It answers itself when ok is false.
func (p *Portal) setBrand(code string) (ok bool) {
	b, err := brandOf(p.Visit, code)
	if err != nil {
		p.Fail(err)
		return false
	}
	p.Brand = b
	return true
}

type brandContent struct {
	*Visit

	Brand Brand
	// Day and Night are the colors as pages show them, when a color is set.
	Day, Night string
	Changed    bool // the color could not be read as it is
	at         time.Time
}

// mark tells a brand from what it is after a change.
func (c brandContent) mark() string { return seenAt(c.at) + " " + c.Brand.Logo }

func brandSettings(v *Visit) (brandContent, error) {
	content := brandContent{Visit: v}
	s, err := v.Settings()
	if err == nil {
		content.Brand, err = brandOf(v, s.Code)
	}
	if err != nil {
		return content, err
	}
	content.at = s.UpdatedAt
	v.Form.Fill(seenField, content.mark(), "brand_color", s.Program.Color)
	if digits, has := strings.CutPrefix(s.Program.Color, "#"); has {
		if c, ok := parseColor(digits); ok {
			content.Day, content.Night = dayAccents(c).accent.String(), nightAccents(c).accent.String()
			content.Changed = content.Day != s.Program.Color
		}
	}
	return content, nil
}

// brand shows how the seller appears to partners and buyers.
func brand(v *Visit) {
	content, err := brandSettings(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("brand", content)
}

// saveBrand changes the seller's color, and its logo when there is one in the form.
func saveBrand(v *Visit) {
	content, err := brandSettings(v)
	if err != nil {
		v.Fail(err)
		return
	}
	c := accountcommand.UpdateSettings{Actor: v.Who(), Seen: content.at}
	c.Settings.Color = new(v.Form.Text("brand_color"))
	err = v.Form.Err() // before anything is changed
	if err == nil {
		err = c.Settings.Check()
	}
	if err == nil && v.Seen() != content.mark() {
		err = application.ErrChangedMeanwhile
	}
	if err == nil && (len(v.Form.file) > 0 || v.Form.Ticked("remove_logo")) {
		_, err = Do[struct{}](v, accountcommand.ChangeLogo{Actor: v.Who(), Image: v.Form.file})
	}
	if err == nil {
		_, err = Do[application.Done](v, c)
	}
	if err != nil {
		v.stale(err, content.mark())
		v.ShowAgain("brand", content, err)
		return
	}
	v.Done(brandPath, "The brand is saved.")
}

// readParts reads a form that may hold a file. Errors: httpport.ErrInvalidBody, httpport.ErrBodyTooLarge.
func readParts(k *httpport.Call) (*Form, error) {
	var body bytes.Buffer
	if err := k.ReadBodyUpTo(&body, maxForm); err != nil {
		return nil, err
	}
	_, parameters, err := mime.ParseMediaType(k.Request().Header.Get("Content-Type"))
	if err != nil {
		return nil, httpport.ErrInvalidBody
	}
	f := &Form{values: url.Values{}, posted: true}
	parts := multipart.NewReader(&body, parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return nil, httpport.ErrInvalidBody
		}
		b, err := io.ReadAll(part)
		if err != nil {
			return nil, httpport.ErrInvalidBody
		}
		if part.FileName() != "" {
			f.file = b
			continue
		}
		f.values.Add(part.FormName(), string(b))
	}
}
