# One verb per task; kit.py does the work and has the same verbs where there is no make:  python kit.py help
PYTHON ?= python3
VERBS := demo test lab diagrams check bench dist lock clean help

.DEFAULT_GOAL := help
.PHONY: $(VERBS)

# make demo IMAGE=path LINK=none    make lab RESET=04    make diagrams CHECK=1    make clean ALL=1
$(VERBS):
	@$(PYTHON) kit.py $@ $(MAKEOVERRIDES)
