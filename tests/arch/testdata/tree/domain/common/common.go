package common // want layout
