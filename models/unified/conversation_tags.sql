{{ union_staged('conversation_tags', ['account', 'conversation_id', 'tag_id', 'tag_name']) }}
