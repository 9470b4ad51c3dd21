package leadmill

import (
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/leadmill/leadmill/adapters/sqlstore/size"
)

// tellSizes prints how large the tables are.
func (c *cli) tellSizes(s size.Sizes) error {
	w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "TABLE\tROWS\tBYTES\tBYTES/ROW\tROWS YESTERDAY\tGROWTH/DAY")
	var bytes, growth int64
	for _, t := range s.Tables {
		bytes += t.Bytes
		yesterday, grown := "-", "-"
		if t.Yesterday >= 0 {
			growth += t.Growth()
			yesterday, grown = strconv.FormatInt(t.Yesterday, 10), inBytes(t.Growth())
		}
		each := "-"
		if t.Rows > 0 {
			each = strconv.FormatInt(t.Bytes/t.Rows, 10)
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", t.Name, t.Rows, inBytes(t.Bytes), each, yesterday, grown)
	}
	_, _ = fmt.Fprintf(w, "all\t\t%s\t\t\t%s\n", inBytes(bytes), inBytes(growth))
	_, _ = fmt.Fprintf(w, "free in the files\t\t%s\n", inBytes(s.Free))
	if err := w.Flush(); err != nil {
		return err
	}
	how := "Rows and bytes are the server's estimates, with indexes."
	if s.Counted {
		how = "Rows are counted, bytes are whole pages with indexes."
	}
	_, err := fmt.Fprintln(c.stdout, how+" Growth is the rows of yesterday (UTC), as their ids and positions tell, by the bytes of an average row.")
	return err
}

// inBytes writes a number of bytes with a unit, in steps of 1,024.
func inBytes(n int64) string {
	value, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for len(units) > 1 && value >= 1024 {
		value, units = value/1024, units[1:]
	}
	if units[0] == "B" {
		return strconv.FormatInt(n, 10) + " B"
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[0]
}
