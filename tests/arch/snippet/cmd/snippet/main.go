// Command snippet writes the code in the Markdown pages of a folder again, from the files that the pages name.
package main

import (
	"fmt"
	"os"

	"github.com/leadmill/leadmill/tests/arch/snippet"
)

//go:generate go run . ../../../../..

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: snippet FOLDER")
		os.Exit(2)
	}
	if err := snippet.Write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "snippet:", err)
		os.Exit(1)
	}
}
