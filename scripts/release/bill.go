package main

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// bill writes which modules are in the program, as Go recorded them in it.
func (r *release) bill() error {
	main := component(&r.modules.Main, cyclonedx.ComponentTypeApplication)
	main.Name, main.Version = "leadmill", r.version
	main.BOMRef = "pkg:golang/" + r.modules.Main.Path + "@" + strings.ReplaceAll(r.version, "+", "%2B")
	main.PackageURL = main.BOMRef
	parts := []cyclonedx.Component{{
		BOMRef: "pkg:golang/std@" + strings.TrimPrefix(r.modules.GoVersion, "go"), Type: cyclonedx.ComponentTypeLibrary,
		Name: "std", Version: r.modules.GoVersion, PackageURL: "pkg:golang/std@" + strings.TrimPrefix(r.modules.GoVersion, "go"),
	}}
	uses := []string{parts[0].BOMRef}
	for _, m := range r.modules.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		part := component(m, cyclonedx.ComponentTypeLibrary)
		parts, uses = append(parts, part), append(uses, part.BOMRef)
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Timestamp: r.time.Format(time.RFC3339), Component: &main}
	bom.Components = &parts
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: main.BOMRef, Dependencies: &uses}}
	return writeFile(r.name("sbom.cdx.json"), func(w io.Writer) error {
		return cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	})
}

func component(m *debug.Module, of cyclonedx.ComponentType) cyclonedx.Component {
	url := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	c := cyclonedx.Component{BOMRef: url, Type: of, Name: m.Path, Version: m.Version, PackageURL: url}
	// go.sum's h1 is the SHA-256 of a list of a module's files.
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && m.Sum != "" {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	return c
}
