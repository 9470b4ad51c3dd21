// Package common says nothing of itself.
package common // want layout stability
