package command // want layout
