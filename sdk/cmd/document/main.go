// Command document prints what the clients in sdk are generated from:
//
//	document [-out FILE] client OPENAPI     the document as programs need it: no pages, JSON alone, the answers of success alone
//	document [-out FILE] events SCHEMAS     a document of the data of all events in a folder, by their types
//	document [-out FILE] calls OPENAPI      Go: a function for each operation, and an iterator for each list
//	document [-out FILE] unkeyed OPENAPI    TypeScript: the operations that take no Idempotency-Key
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

func main() {
	out := flag.String("out", "", "write to this `file`")
	flag.Parse()
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "document:", err)
		os.Exit(1)
	}
}

func run(out string, arguments []string) error {
	if len(arguments) != 2 {
		return errors.New("say what to print (client, events, calls or unkeyed), and what to read")
	}
	b, err := write(arguments[0], arguments[1])
	if err != nil {
		return err
	}
	if out == "" {
		_, err = os.Stdout.Write(b)
		return err
	}
	return os.WriteFile(out, b, 0o644) //nolint:gosec // it is source
}

func write(what, from string) ([]byte, error) {
	if what == "events" {
		d, err := events(from)
		if err != nil {
			return nil, err
		}
		return json.MarshalIndent(d, "", "  ")
	}
	text, err := os.ReadFile(from) //nolint:gosec // whoever runs it names the file
	if err != nil {
		return nil, err
	}
	var d object
	if err := yaml.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	if err := trim(d); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	withoutKey := unkeyed(d)
	if what == "unkeyed" {
		return unkeyedTypeScript(withoutKey), nil
	}
	if err := named(d); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	simplify(d)
	switch what {
	case "client":
		return json.MarshalIndent(d, "", "  ")
	case "calls":
		return calls(d, withoutKey)
	}
	return nil, fmt.Errorf("%q is nothing to print: client, events, calls or unkeyed", what)
}

// events returns a document whose schemas are the data of the events, by their types. Members that are not known yet are left out of
// the types: whoever reads them ignores what they do not know.
func events(folder string) (object, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no schema in %s", folder)
	}
	schemas := object{}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // whoever runs it names the folder
		if err != nil {
			return nil, err
		}
		var schema object
		if err := json.Unmarshal(text, &schema); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		delete(schema, "$schema")
		delete(schema, "title")
		visit(schema, func(s object) {
			if s["additionalProperties"] == true {
				delete(s, "additionalProperties")
			}
		})
		simplify(schema)
		schemas[strings.TrimSuffix(filepath.Base(file), ".json")] = schema
	}
	return object{
		"openapi": "3.1.0", "info": object{"title": "Leadmill's events", "version": "1"}, "paths": object{},
		"components": object{"schemas": schemas},
	}, nil
}
