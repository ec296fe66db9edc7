# One verb per task; kit.py does the work and has the same verbs where there is no make:  python kit.py help
PYTHON ?= python3
VERBS := demo test lab diagrams docs check bench fuzz conformance dist lock clean help

.DEFAULT_GOAL := help
.PHONY: $(VERBS)

# What stands on make's command line (make demo IMAGE=path LINK=none) is handed on, quoted for the shell.
given = $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(call quoted,$(name))))
quoted = '$(1)=$(subst ','\'',$($(1)))'

$(VERBS):
	@$(PYTHON) kit.py $@ $(given)
