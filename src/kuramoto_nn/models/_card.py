"""The text that lies beside saved weights."""

GENERATED = "<!-- Written by save_pretrained, which writes it anew unless this line is gone. -->"
"""Marks a card that is not the user's own."""

TOLD = {"data", "command", "seed", "score", "notes", "repo_id"}
"""What a user may tell of the weights."""

TEMPLATE = f"""---
{{{{ card_data }}}}
---
{GENERATED}
"""
TEMPLATE += """
# {{ class_name }}

The model `{{ class_name }}` of the Python package `kuramoto_nn`, {{ parameters }} parameters, after
Miyato, Löwe, Geiger, Welling, *Artificial Kuramoto Oscillatory Neurons* (ICLR 2025,
[arXiv 2410.13821](https://arxiv.org/abs/2410.13821)).

```python
from kuramoto_nn.models import {{ class_name }}

model = {{ class_name }}.from_pretrained("{{ repo_id or "this folder" }}")
```
{% for title, text in [
  ("Data", data), ("Command", command), ("Seed", seed), ("Score", score), ("Notes", notes)
] %}
{%- if text is defined %}
**{{ title }}.** {{ text }}
{% endif %}
{%- endfor %}
## Configuration

```json
{{ config }}
```
"""
